import { parseBaseUrl } from './forms.ts'
import { peopleKeys, providerKeys, sessionCheck } from './schema-identity.ts'
import type { Keys } from './setting.ts'

const text = (description: string) => ({ kind: 'text', description }) as const

/** @see https://www.rfc-editor.org/rfc/rfc7518#section-3.1 */
export const algorithm = {
  kind: 'choice',
  description: 'The algorithm that tokens are signed with. No other one is accepted.',
  values: [
    'HS256',
    'HS384',
    'HS512',
    'RS256',
    'RS384',
    'RS512',
    'PS256',
    'PS384',
    'PS512',
    'ES256',
    'ES384',
    'ES512',
    'EdDSA',
    'Ed25519',
  ],
  example: 'HS256',
} as const

export const subjectClaim = {
  kind: 'text',
  description: 'The claim that names the user: its value becomes the part of the Matrix ID before the colon.',
  default: 'sub',
} as const

const keys = {
  secret: {
    kind: 'list',
    description: 'Shared secrets for HS256 to HS512. While one is being replaced, both may stand here.',
    of: text('A shared secret.'),
    secret: true,
    min: 1,
    example: ['change-me-to-at-least-32-random-characters'],
  },
  public_key: {
    kind: 'list',
    description: 'PEM public keys or certificates, for the algorithms that are not HS256 to HS512.',
    of: text('A public key.'),
    min: 1,
    secret: true,
  },
  jwks: { kind: 'text', description: 'A JSON Web Key Set, as JSON.', json: true, secret: true },
  jwks_uri: {
    kind: 'text',
    description:
      "Where the issuer publishes its JSON Web Key Set. Without any key here, the issuer's own discovery document says where" +
      ' (ISSUER/.well-known/openid-configuration).',
    parse: parseBaseUrl,
    expected: 'an address such as https://login.example.org/keys',
    example: 'https://login.example.org/keys',
  },
  jwks_refresh: {
    kind: 'duration',
    description:
      'How often a published key set is read again. A new key is noticed at once; this is how long one that was taken back may live on.',
    default: '10m',
  },
  algorithms: {
    kind: 'list',
    description:
      'The algorithms that tokens may be signed with. Unless set, HS256 for secrets, and RS256, PS256, ES256 and EdDSA for public keys.',
    of: algorithm,
    min: 1,
    example: ['HS256'],
  },
} as const satisfies Keys

const rules = {
  issuer: {
    kind: 'text',
    description: 'The exact "iss" of its tokens. No two providers share one. With "off" it is not looked at.',
    required: true,
    off: true,
    example: 'https://backend.example.org',
  },
  audiences: {
    kind: 'list',
    description:
      'A token must carry one of these as "aud". With "off" it is not looked at, and a token made for any other service of the issuer is good' +
      ' here too, unless authorized_parties or rules say otherwise.',
    of: text('An audience.'),
    required: true,
    off: true,
    min: 1,
    example: ['matrix'],
  },
  authorized_parties: {
    kind: 'list',
    description: 'A token must carry one of these as "azp" (or "client_id"): the application that it was given to.',
    of: text('A client id.'),
    min: 1,
    example: ['chat-app'],
  },
  token_types: {
    kind: 'list',
    description:
      'A token must carry one of these as "typ" in its header, which keeps ID tokens, access tokens and others apart.',
    of: text('A type.'),
    min: 1,
    example: ['at+jwt'],
  },
  require_expiry: { kind: 'boolean', description: 'Whether a token must carry "exp".', default: true },
  leeway: { kind: 'duration', description: 'How far the clocks of issuer and server may differ.', default: '60s' },
  max_age: {
    kind: 'duration',
    description: 'How old a token may be, by its "iat", which it then must carry, whatever its "exp" says.',
    example: '10m',
  },
  one_time: {
    kind: 'boolean',
    description: 'Whether a token is good for one sign-in only. It then must carry "jti" and "exp".',
    default: false,
  },
  subject_claim: subjectClaim,
} as const satisfies Keys

const bearer = {
  bearer: {
    kind: 'boolean',
    description:
      'Whether a token is itself an access token ("Authorization: Bearer TOKEN"), without a sign-in. It then must carry "exp".',
    default: false,
  },
  device_claim: {
    kind: 'text',
    description:
      'The claim that names the device of such a token, such as the id of an installation. Unless set, the device is made of "sid" or else of' +
      ' "jti"; a token with neither has no device, and cannot be used for encryption.',
    example: 'device_id',
  },
} as const satisfies Keys

/** Where people get a token in a browser. */
export const signInPage = {
  kind: 'text',
  description:
    'A page of yours where people who are signed in there get a token in their browser. Pages of this server that need one send them there,' +
    ' with "?matrix_session=…" behind it;' +
    ' the page posts a form with "token" and "matrix_session" to PUBLIC_BASE_URL/_latchkey/token. For clients that know no sign-in by token.',
  parse: parseBaseUrl,
  expected: 'an address such as https://app.example.org/chat-token',
  example: 'https://app.example.org/chat-token',
} as const

const check = {
  session_check: sessionCheck(
    'By introspection of the token (RFC 7662), which its discovery document must offer; sessions then must end with the token (session_until: token_expiry).',
  ),
  client_id: {
    kind: 'text',
    description: 'The name under which this server is registered at the provider, for session_check.',
    example: 'matrix',
  },
  client_secret: { kind: 'text', description: 'The secret of that registration.', secret: true, example: 'change-me' },
} as const satisfies Keys

/** A provider of type `jwt`: whoever signs tokens for people. */
export const jwtProvider = {
  ...providerKeys,
  ...keys,
  ...rules,
  ...bearer,
  sign_in_page: signInPage,
  ...check,
  ...peopleKeys,
} as const satisfies Keys

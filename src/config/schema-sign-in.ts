import type { Keys } from './setting.ts'

/** @see https://www.rfc-editor.org/rfc/rfc7518#section-3.1 */
const algorithm = {
  kind: 'choice',
  description: 'The algorithm that tokens are signed with. No other one is accepted.',
  values: [
    'HS256', 'HS384', 'HS512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519',
  ],
  example: 'HS256',
} as const

const subjectClaim = {
  kind: 'text',
  description: 'The claim that names the user: its value becomes the part of the Matrix ID before the colon.',
  default: 'sub',
} as const

const displayNameClaim = {
  kind: 'text',
  description: 'The claim that a new account takes its display name from.',
  example: 'name',
} as const

/** The drop-in block: names and meaning as operators know them from their present homeserver. */
export const jwtConfig = {
  enabled: { kind: 'boolean', description: 'Whether people can sign in with a token.', default: false },
  secret: {
    kind: 'text',
    description: 'What tokens are verified with: the shared secret for HS256 to HS512, or else a PEM public key or certificate, or a JSON Web Key'
      + ' (Set).',
    secret: true,
    json: true,
    example: 'change-me-to-at-least-32-random-characters',
  },
  algorithm,
  subject_claim: subjectClaim,
  display_name_claim: displayNameClaim,
  issuer: {
    kind: 'text',
    description: 'The only issuer whose tokens are accepted: a token must then carry exactly this "iss".',
    example: 'https://login.example.org',
  },
  audiences: {
    kind: 'list',
    description: 'A token must then carry one of these as "aud". Without them a token that carries "aud" is refused, since it was made for somebody'
      + ' else.',
    of: { kind: 'text', description: 'An audience.' },
    min: 1,
    example: ['matrix'],
  },
} as const satisfies Keys

/** What is common to all types, and what a JWT provider has of its own. */
const jwtProvider = {
  id: {
    kind: 'text',
    description: 'A short name that never changes: accounts are linked to it.',
    required: true,
    expected: '1 to 64 lower-case letters, digits, "-" and "_"',
    parse: (text: string) => (/^[a-z0-9_-]{1,64}$/.test(text) ? text : undefined),
    example: 'backend',
  },
  secret: {
    kind: 'list',
    description: 'Shared secrets for HS256 to HS512. While one is being replaced, both may stand here.',
    of: { kind: 'text', description: 'A shared secret.' },
    secret: true,
    min: 1,
    example: ['change-me-to-at-least-32-random-characters'],
  },
  public_key: {
    kind: 'list',
    description: 'PEM public keys or certificates, for the algorithms that are not HS256 to HS512.',
    of: { kind: 'text', description: 'A public key.' },
    min: 1,
    secret: true,
  },
  jwks: { kind: 'text', description: 'A JSON Web Key Set, as JSON.', json: true, secret: true },
  algorithms: {
    kind: 'list',
    description: 'The algorithms that tokens may be signed with.',
    of: algorithm,
    required: true,
    min: 1,
    example: ['HS256'],
  },
  issuer: {
    kind: 'text',
    description: 'The exact "iss" of its tokens. No two providers share one.',
    required: true,
    example: 'https://backend.example.org',
  },
  audiences: {
    kind: 'list',
    description: 'A token must carry one of these as "aud".',
    of: { kind: 'text', description: 'An audience.' },
    required: true,
    min: 1,
    example: ['matrix'],
  },
  subject_claim: subjectClaim,
  display_name_claim: displayNameClaim,
} as const satisfies Keys

const notYet = (what: string): string => `Sign-in by ${what} does not exist in this version; "jwt" does.`

/** Every entry of `identity_providers`, told apart by its `type`. A new type is a new line here. */
export const identityProvider = {
  kind: 'variants',
  description: 'An identity provider.',
  variants: { jwt: jwtProvider },
  missing: { oidc: notYet('OpenID Connect'), saml: notYet('SAML'), cas: notYet('CAS'), ldap: notYet('LDAP') },
} as const

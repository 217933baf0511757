import { parseBaseUrl } from './forms.ts'
import { buttonKeys, peopleKeys, providerKeys, sessionCheck } from './schema-identity.ts'
import type { Keys } from './setting.ts'

/** A provider that speaks OpenID Connect, to which people are sent with their browser. */
export const oidcProvider = {
  ...providerKeys,
  ...buttonKeys,
  issuer: {
    kind: 'text',
    description:
      'The address of the provider, exactly as its own document at /.well-known/openid-configuration has it under "issuer".',
    required: true,
    parse: (text: string) => (parseBaseUrl(text) === undefined ? undefined : text),
    expected: 'an address such as https://login.example.org/realms/main',
    example: 'https://login.example.org/realms/main',
  },
  client_id: {
    kind: 'text',
    description: 'The name under which this server is registered at the provider.',
    required: true,
    example: 'matrix',
  },
  client_secret: {
    kind: 'text',
    description:
      'The secret of that registration; left out for a public client. Register the redirect address' +
      ' PUBLIC_BASE_URL/_latchkey/sso/ID/callback, and for logout PUBLIC_BASE_URL/_latchkey/sso/ID/logout (back-channel) and' +
      ' PUBLIC_BASE_URL/account (after sign-out).',
    secret: true,
    example: 'change-me',
  },
  client_authentication: {
    kind: 'choice',
    description: 'How the secret is sent: in a header ("basic") or in the body ("post").',
    values: ['basic', 'post'],
    default: 'basic',
  },
  id_token_algorithm: {
    kind: 'choice',
    description: 'The algorithm that ID tokens are signed with. No other one is accepted.',
    values: ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
    default: 'RS256',
  },
  scopes: {
    kind: 'list',
    description: 'What the provider is asked to tell. "openid" must be among it.',
    of: { kind: 'text', description: 'A scope.' },
    min: 1,
    default: ['openid', 'profile', 'email'],
  },
  userinfo: {
    kind: 'boolean',
    description:
      'Whether the provider is asked once more at each sign-in, for claims that it leaves out of the ID token.',
    default: false,
  },
  subject_claim: {
    kind: 'text',
    description:
      'The claim of the ID token that names the person for good. Another one than "sub" where that is another one for each application, and' +
      ' people are known here by other ways too (SCIM, tokens): "oid" with Entra ID. A back-channel logout then has to name the session ("sid").',
    default: 'sub',
    example: 'oid',
  },
  backchannel_logout: {
    kind: 'choice',
    description:
      'What becomes of sessions here when the provider ends the session that they came from: "soft" asks people to sign in again and leaves' +
      ' them their devices and encryption keys, "hard" deletes the devices, "off" takes no notice.',
    values: ['soft', 'hard', 'off'],
    default: 'soft',
  },
  session_check: sessionCheck(
    'With a refresh token of the provider, which has to give one; add "offline_access" to "scopes" for sessions that outlive those in the browser.',
  ),
  ...peopleKeys,
} as const satisfies Keys

/** What holds for sign-in through a browser, whatever the provider. */
export const sso = {
  trusted_clients: {
    kind: 'list',
    description:
      'Clients that people are sent back to without being asked: addresses, of which scheme, host and port count, or the schemes of apps. Anybody' +
      " else's page asks first, so that none gets a session unnoticed.",
    of: {
      kind: 'text',
      description: 'An address or a scheme.',
      parse: (text: string) =>
        /^(https?:\/\/[^/\s@]+|[a-z][a-z0-9+.-]+:)/.test(text) &&
        !/^(javascript|data):/.test(text) &&
        URL.canParse(text)
          ? text
          : undefined,
      expected: 'an address such as https://app.example.org, or a scheme such as io.element.desktop:',
    },
    default: [],
    example: ['https://app.example.org', 'io.element.desktop:'],
  },
} as const satisfies Keys

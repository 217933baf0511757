import { casProvider } from './schema-cas.ts'
import { ldapProvider } from './schema-ldap.ts'
import { samlProvider } from './schema-saml.ts'
import { oidcProvider } from './schema-oidc.ts'
import { algorithm, jwtProvider, signInPage, subjectClaim } from './schema-jwt.ts'
import type { Keys } from './setting.ts'

/** The drop-in block: names and meaning as operators know them from their present homeserver. */
export const jwtConfig = {
  enabled: { kind: 'boolean', description: 'Whether people can sign in with a token.', default: false },
  secret: {
    kind: 'text',
    description:
      'What tokens are verified with: the shared secret for HS256 to HS512, or else a PEM public key or certificate, or a JSON Web Key' +
      ' (Set).',
    secret: true,
    json: true,
    example: 'change-me-to-at-least-32-random-characters',
  },
  algorithm,
  subject_claim: subjectClaim,
  display_name_claim: {
    kind: 'text',
    description: 'The claim that a new account takes its display name from.',
    example: 'name',
  },
  issuer: {
    kind: 'text',
    description: 'The only issuer whose tokens are accepted: a token must then carry exactly this "iss".',
    example: 'https://login.example.org',
  },
  audiences: {
    kind: 'list',
    description:
      'A token must then carry one of these as "aud". Without them a token that carries "aud" is refused, since it was made for somebody' +
      ' else.',
    of: { kind: 'text', description: 'An audience.' },
    min: 1,
    example: ['matrix'],
  },
  sign_in_page: signInPage,
  try_out: {
    kind: 'boolean',
    description:
      'Whether the tokens are for trying out only, as they are by themselves where nothing is configured. Accounts that they make give way' +
      ' to the people of any other provider; and a server called "localhost" that listens on this machine alone offers a chat in the browser.',
  },
} as const satisfies Keys

/** Every entry of `identity_providers`, told apart by its `type`. A new type is a new line here. */
export const identityProvider = {
  kind: 'variants',
  description: 'An identity provider.',
  variants: { jwt: jwtProvider, oidc: oidcProvider, saml: samlProvider, cas: casProvider, ldap: ldapProvider },
  missing: {},
} as const

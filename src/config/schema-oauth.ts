import { isLoopback } from './forms.ts'
import type { Keys } from './setting.ts'

const text = (description: string) => ({ kind: 'text', description }) as const

/** An app or service of the operator's own, which need not register itself. */
const client = {
  id: {
    kind: 'text',
    description: 'What it is known by, as it says "client_id".',
    required: true,
    parse: (value) => (/^[A-Za-z0-9._~-]{1,64}$/.test(value) ? value : undefined),
    expected: '1 to 64 letters, digits and ". _ ~ -"',
    example: 'intranet',
  },
  name: { kind: 'text', description: 'What people know it by.', example: 'Intranet' },
  uri: { kind: 'text', description: 'A page that tells of it.', example: 'https://intranet.example.org' },
  redirect_uris: {
    kind: 'list',
    description:
      'Where people may be sent back to, letter for letter. Without any it signs nobody in through the browser.',
    of: text('An address.'),
    default: [],
    example: ['https://intranet.example.org/signed-in'],
  },
  secret: {
    kind: 'text',
    description:
      'What it proves itself with ("client_secret_basic", "client_secret_post"). Without secret and jwks it is a public client.',
    secret: true,
    example: 'change-me-to-at-least-32-random-characters',
  },
  jwks: {
    kind: 'text',
    description:
      'Its public keys as a JSON Web Key Set, with which it proves itself ("private_key_jwt") in place of a secret.',
    json: true,
  },
  consent: {
    kind: 'choice',
    description:
      'Whether people are asked before the app gets their account: "skip" is for what they take for a part of this service.',
    values: ['ask', 'skip'],
    default: 'ask',
  },
  providers: {
    kind: 'list',
    description:
      'The identity providers (ids; "jwt_config" for the drop-in block) whose tokens it may exchange for sessions, without a browser.',
    of: text('The id of a provider.'),
    default: [],
    example: ['backend'],
  },
  introspection: {
    kind: 'boolean',
    description: 'Whether it may ask whose an access token is. It needs a secret or keys.',
    default: false,
  },
} as const satisfies Keys

/** Sign-in by OAuth 2.0, for clients that know nothing else. */
export const oauth = {
  access_token_lifetime: {
    kind: 'duration',
    description: 'How long an access token lives before its client has to refresh it.',
    default: '5m',
  },
  token_exchange: {
    kind: 'choice',
    description:
      'Who may exchange tokens of identity providers for sessions without a browser: "anyone" who has such a token, as at POST /login,' +
      ' or only "clients" that are listed here, each for its "providers".',
    values: ['anyone', 'clients'],
    default: 'anyone',
  },
  registrations_per_hour: {
    kind: 'number',
    description:
      'How many new apps may register themselves from one address in an hour. One that is known already does not count.',
    min: 1,
    max: 1_000_000,
    whole: true,
    default: 60,
  },
  clients: {
    kind: 'list',
    description: "Apps and services of the operator's own. Others register themselves.",
    of: { kind: 'group', description: 'A client.', keys: client },
    default: [],
  },
} as const satisfies Keys

/** What this server calls itself as an issuer; undefined where there is no OAuth 2.0: an issuer is encrypted, or this very machine. */
export function oauthIssuer(config: {
  readonly oauth: unknown
  readonly public_base_url?: string
}): string | undefined {
  const { oauth: settings, public_base_url: url } = config
  if (settings === 'off' || url === undefined) return undefined
  const { protocol, hostname } = new URL(url)
  return protocol === 'https:' || isLoopback(hostname) ? url : undefined
}

import { isDnsName } from './forms.ts'
import type { Keys } from './setting.ts'

/** A certificate from an authority that gives them by ACME. */
export const acme = {
  email: {
    kind: 'text',
    description:
      'Your mail address, under which the authority knows you. Whoever sets it agrees to its terms. The server then gets a certificate by itself, and renews' +
      ' it: the names must lead to port 443 of this machine, where a listener marked "tls" answers.',
    parse: (text: string) => (/^[^\s@<>]+@[^\s@<>]+$/.test(text) ? text : undefined),
    expected: 'a mail address such as admin@example.org',
    example: 'admin@example.org',
  },
  names: {
    kind: 'list',
    description:
      'The names that the certificate is for. Left out, it is the host of "public_base_url", or "server_name".',
    of: {
      kind: 'text',
      description: 'A name in the DNS.',
      parse: (text: string) => (isDnsName(text) ? text : undefined),
      expected: 'a name such as matrix.example.org, in small letters',
    },
    default: [],
    example: ['matrix.example.org', 'example.org'],
  },
  directory: {
    kind: 'text',
    description: 'Where the authority says what it offers; by default that of Let’s Encrypt.',
    parse: (text: string) => (/^https:\/\/[^/?#@]+\/\S*$/.test(text) && URL.canParse(text) ? text : undefined),
    expected: 'an address such as https://acme-v02.api.letsencrypt.org/directory',
    default: 'https://acme-v02.api.letsencrypt.org/directory',
  },
  key_id: {
    kind: 'text',
    description: 'What an authority calls you that wants to know its customers first (external account binding).',
    example: 'kid-1',
  },
  key: {
    kind: 'text',
    description: 'The key that goes with "key_id", as the authority gave it (base64url).',
    secret: true,
    example: 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W',
  },
} as const satisfies Keys

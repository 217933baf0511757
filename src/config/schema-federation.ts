import { isServerName } from '../matrix/ids.ts'
import { parseAddressRange } from './forms.ts'
import type { Keys } from './setting.ts'

const domains = {
  kind: 'text',
  description: 'The name of a server; a star stands for anything.',
  parse: (text: string) => (/^[A-Za-z0-9.*?:[\]-]{1,255}$/.test(text) ? text.toLowerCase() : undefined),
  expected: 'the name of a server such as example.org or *.example.org',
  fix: (text: string) =>
    /^https?:\/\//.test(text) ? 'Leave out "https://": write the name that ends the Matrix IDs there.' : undefined,
} as const

/** Talking to other Matrix servers. */
export const federation = {
  enabled: {
    kind: 'boolean',
    description:
      'Whether this server talks to others. Left out, it does where "server_name" is a public name: not as localhost, as a name without a dot' +
      ' or as an address of a private network.',
    example: true,
  },
  allow_domains: {
    kind: 'list',
    description: 'The only servers that are talked to; empty means all.',
    of: domains,
    default: [],
    example: ['example.org', '*.example.org'],
  },
  deny_domains: {
    kind: 'list',
    description: 'Servers that are never talked to.',
    of: domains,
    default: [],
    example: ['*.spam.example'],
  },
  ca_file: {
    kind: 'path',
    description:
      'A PEM file of certificates that are trusted besides the usual ones, for a network with an authority of its own.',
    example: '/etc/latchkey/ca.pem',
  },
  hosts: {
    kind: 'json',
    description:
      'Where a server is reached, as host:port by its name, for networks without DNS. Its certificate must be for the name all the same.',
    default: {},
    example: { 'hs2.internal.example.org': '10.1.2.3:8448' },
  },
  allow_addresses: {
    kind: 'list',
    description: 'Addresses and ranges that are asked although they are not public.',
    of: {
      kind: 'text',
      description: 'An address or a range.',
      parse: parseAddressRange,
      expected: 'an address or a range such as 127.0.0.1 or 10.0.0.0/8',
    },
    default: [],
    example: ['10.0.0.0/8'],
  },
  notaries: {
    kind: 'list',
    description:
      'Servers that are asked for the keys of servers which do not answer any more, so that what those once said can still be checked.',
    of: domains,
    default: ['matrix.org'],
  },
} as const satisfies Keys

/** Names that no other server could find: reserved, or of one network alone. */
const privateSuffixes = ['localhost', 'local', 'internal', 'lan', 'home.arpa', 'invalid', 'example', 'test']

const isPrivateAddress = (host: string): boolean =>
  host.startsWith('[') || /^(0|10|127|169\.254|192\.168|172\.(1[6-9]|2\d|3[01]))\./.test(host)

/** Whether this server talks to others: as the settings say, else where its name is one that they could find. */
export function federates(config: {
  readonly server_name: string
  readonly federation: { readonly enabled?: boolean }
}): boolean {
  if (config.federation.enabled !== undefined) return config.federation.enabled
  const host = config.server_name.replace(/:\d+$/, '')
  if (!isServerName(host) || isPrivateAddress(host)) return false
  return host.includes('.') && !privateSuffixes.some((suffix) => host === suffix || host.endsWith(`.${suffix}`))
}

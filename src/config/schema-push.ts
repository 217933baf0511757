import type { Keys } from './setting.ts'

const parseOrigin = (text: string): string | undefined => {
  const url = URL.parse(text)
  return url &&
    /^https?:$/.test(url.protocol) &&
    url.pathname === '/' &&
    !url.search &&
    !url.hash &&
    !url.username &&
    !url.password
    ? url.origin
    : undefined
}

/** What is told to people whose apps are not open. */
export const push = {
  gateways: {
    kind: 'list',
    description:
      'Push gateways of your own. All others must have a public address and use https; these may be in a private network and use http.',
    of: {
      kind: 'text',
      description: 'Where a gateway is, without a path.',
      parse: parseOrigin,
      expected: 'an address without a path, such as http://10.0.0.5:5000',
    },
    default: [],
    example: ['http://10.0.0.5:5000'],
  },
} as const satisfies Keys

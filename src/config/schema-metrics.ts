import { parseListen } from './forms.ts'
import type { Keys } from './setting.ts'

/** Numbers for a monitoring system. */
export const metrics = {
  listen: {
    kind: 'text',
    description:
      'Where they are read, as host:port, at the path /metrics; apart from what clients reach. Whoever gets there sees how busy the server is and' +
      ' by which providers people sign in, so keep it to this machine or a network of your own.',
    parse: (text: string) => (parseListen(text) ? text : undefined),
    expected: 'a host and a port such as 127.0.0.1:9464, or off',
    off: true,
    default: 'off',
    example: '127.0.0.1:9464',
  },
} as const satisfies Keys

import type { Keys } from './setting.ts'

/** What calls between two people need where they cannot reach each other. */
export const turn = {
  uris: {
    kind: 'list',
    description: 'The addresses of the TURN servers. None: people in different networks may not hear each other.',
    of: {
      kind: 'text',
      description: 'An address.',
      parse: (text) => (/^turns?:[^\s/]+$/.test(text) ? text : undefined),
      expected: 'an address such as turn:turn.example.org?transport=udp',
      fix: (text) => (/^turns?:\/\//.test(text) ? 'Leave out the "//".' : undefined),
    },
    default: [],
    example: ['turn:turn.example.org?transport=udp', 'turns:turn.example.org?transport=tcp'],
  },
  shared_secret: {
    kind: 'text',
    description:
      'The secret that the TURN server has too (coturn: static-auth-secret). Everybody gets a name and a password of their own, made from it,' +
      ' that run out.',
    secret: true,
    example: 'change-me-to-at-least-32-random-characters',
  },
  username: {
    kind: 'text',
    description: 'One name for everybody, for a TURN server that has no shared secret.',
    example: 'matrix',
  },
  password: {
    kind: 'text',
    description: 'The password that goes with "username".',
    secret: true,
    example: 'change-me',
  },
  lifetime: {
    kind: 'duration',
    description: 'How long a name and a password made from the shared secret are good.',
    default: '1d',
  },
} as const satisfies Keys

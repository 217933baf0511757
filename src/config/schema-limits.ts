import type { Keys } from './setting.ts'

const rate = (description: string, perSecond: number, burst: number) =>
  ({
    kind: 'group',
    description,
    off: true,
    keys: {
      per_second: {
        kind: 'number',
        description: 'How many a second in the long run.',
        min: 0.001,
        max: 1_000_000,
        default: perSecond,
      },
      burst: { kind: 'number', description: 'How many at once.', min: 1, max: 1_000_000, whole: true, default: burst },
    },
  }) as const satisfies Keys[string]

/** The kinds of requests that are counted apart; each user, or address where nobody is signed in, has one of each. */
export const rateLimits = {
  login: rate(
    'Attempts to sign in by what can be guessed (passwords, login tokens), per address. Tokens of a provider are not counted.',
    50,
    500,
  ),
  failed_login: rate(
    'Refused passwords, per name and address, and refused tokens, per address. Whoever brings a good one is not held up.',
    0.2,
    20,
  ),
  registration: rate('New accounts, per address.', 1, 20),
  message: rate("Messages, receipts, typing: what reaches other people's screens.", 50, 200),
  session: rate("Devices, keys and tokens of one's own.", 10, 100),
  heavy: rate('Joining and creating rooms, searches: much work for one request.', 5, 100),
  federation: rate('Requests of one other server.', 200, 2000),
  default: rate('Everything else.', 100, 500),
} as const satisfies Keys

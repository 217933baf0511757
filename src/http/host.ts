import type { ExchangeHost } from './exchange.ts'
import type { Limiter, LimitName } from './limits.ts'
import type { Outstanding } from './outstanding.ts'
import type { Authenticate, AuthenticateServer } from './session.ts'

/** What the log must be able to do; a pino logger is one. */
export interface HttpLog {
  error(details: object, message: string): void
  info(details: object, message: string): void
  debug(details: object, message: string): void
  isLevelEnabled(level: string): boolean
}

/** What answering needs besides the route. */
export interface HandlerHost extends ExchangeHost {
  readonly authenticate: Authenticate
  readonly authenticateServer: AuthenticateServer | undefined
  readonly queryAccessToken: boolean
  /** Largest JSON body, in bytes. */
  readonly maxRequestSize: number
  readonly limiters: Readonly<Record<LimitName, Limiter>> | undefined
  /** Whether rate limits do not hold for whoever brings this token, on routes that ask for none. */
  readonly isUnlimited: ((token: string) => boolean) | undefined
  readonly outstanding: Outstanding
  readonly log: HttpLog
  /** The level of the line that each request has. */
  readonly requestLevel: 'info' | 'debug'
  readonly now: () => number
  /** What counts the answers of an operation, with the time they took in ms. */
  readonly tally?: ((route: string) => (status: number, ms: number) => void) | undefined
  readonly tallyUnrecognized?: ((status: number, ms: number) => void) | undefined
  /** Whether the server is stopping: connections are not kept. */
  stopping: boolean
}

import type { Notices } from '../admin/index.ts'
import type { Config } from '../config/index.ts'
import type { Outbound, Wires } from '../federation/index.ts'
import type { HttpServer, Route } from '../http/index.ts'
import type { Identities } from '../identity/index.ts'
import type { Login } from '../login/index.ts'
import type { OAuth } from '../oauth/index.ts'
import type { Rooms } from '../events/index.ts'
import type { Database } from '../storage/index.ts'
import type { Users } from '../users/index.ts'

/** A homeserver that is running. Dispose of it with `await using`, or `close()`. */
export interface Homeserver extends AsyncDisposable {
  /** Where the metrics are read; undefined where they are off. */
  readonly metricsUrl: string | undefined
  /** Where it listens, in the order of `listen`. */
  readonly urls: readonly string[]
  /** The first of these. */
  readonly url: string
  readonly config: Config
  /** Answers a request without a socket. */
  readonly inject: HttpServer['inject']
  /** Every endpoint that is mounted. */
  readonly routes: readonly Route[]
  readonly database: Database
  readonly users: Users
  readonly identities: Identities
  readonly login: Login
  /** Undefined where OAuth 2.0 is off. */
  readonly oauth: OAuth | undefined
  readonly rooms: Rooms
  readonly notices: Notices
  /** What other servers are talked to over; undefined where there are none. */
  readonly wires: Wires | undefined
  readonly outbound: Outbound | undefined
  close(): Promise<void>
}

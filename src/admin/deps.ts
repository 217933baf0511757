import type { Devices } from '../devices/index.ts'
import type { Rooms } from '../events/index.ts'
import type { History } from '../history/index.ts'
import type { Database } from '../storage/index.ts'
import type { Users } from '../users/index.ts'

/** Where the operator reads what happens. A pino logger is one. */
export interface AdminLog {
  warn(details: object, message: string): void
}

/** What the routes of this folder are made with. */
export interface AdminDeps {
  readonly database: Database
  readonly users: Users
  readonly devices: Pick<Devices, 'list'>
  readonly rooms: Rooms
  readonly history: Pick<History, 'canSee'>
  readonly logger: AdminLog
  readonly serverName: string
  /** A port: what administrators lock, or unlock, is from then on not an identity provider's to unlock. */
  readonly takeLock: (user: number) => Promise<void>
  /** Milliseconds since 1970. */
  readonly now: () => number
}

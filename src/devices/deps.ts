import type { Session } from '../http/index.ts'
import type { JsonObject } from '../matrix/json.ts'
import type { Database } from '../storage/index.ts'
import type { Log } from '../streams/index.ts'
import type { Users } from '../users/index.ts'
import type { RemoteDevices } from './remote.ts'

/** What this folder is given. */
export interface DevicesDeps {
  readonly database: Database
  readonly log: Log
  readonly users: Pick<Users, 'find' | 'nameOf'>
  readonly serverName: string
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly randomId: () => string
  /** Port to rooms/: who shares a room with the user. The user may be among them or not. */
  readonly sharers: (user: number) => Iterable<number> | Promise<Iterable<number>>
  /** Absent where no other server is talked to. */
  readonly remote?: RemoteDevices | undefined
  /** For work that nobody waits for. */
  readonly onError: (error: unknown) => void
}

/** A request that has to be confirmed, as http/ hands it over. */
export interface ToConfirm {
  readonly session: Session
  /** Names what is to be done, and to what: a confirmation counts for nothing else. */
  readonly operation: string
  readonly body: JsonObject
  readonly ip: string
}

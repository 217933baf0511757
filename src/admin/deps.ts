import type { Devices } from '../devices/index.ts'
import type { Rooms } from '../events/index.ts'
import type { History } from '../history/index.ts'
import type { Identities } from '../identity/index.ts'
import type { Login } from '../login/index.ts'
import type { MediaAdministration } from '../media/index.ts'
import type { Jobs } from '../jobs/index.ts'
import type { Blocks, Placements, RoomsRouteDeps } from '../rooms/index.ts'
import type { Database } from '../storage/index.ts'
import type { Log } from '../streams/index.ts'
import type { Users } from '../users/index.ts'
import type { Audit } from './audit.ts'
import type { Notices } from './notices.ts'
import type { SignIns } from './sign-ins.ts'
import type { Tasks } from './tasks.ts'

/** Where the operator reads what happens. A pino logger is one. */
export interface AdminLog {
  warn(details: object, message: string): void
}

/** Other servers, as far as they are told things. */
export interface Destinations {
  /** When telling it failed last, in ms; undefined where it did not since the start. */
  lastFailure(server: string): number | undefined
  /** Events and other things that wait for it in memory. */
  waiting(server: string): { readonly events: number; readonly edus: number }
  /** It is tried again at once. False where it is not being waited for. */
  reset(server: string): boolean
}

/** What becomes of a token, as `latchkey auth explain` says it. */
export interface ExplainedToken {
  readonly provider: string
  readonly accepted: boolean
  readonly steps: readonly { readonly rule: string; readonly found: string }[]
  readonly user: string | undefined
  readonly takes: Readonly<Record<string, string>>
  readonly problem: string | undefined
  readonly fix: string | undefined
}

/** What the routes of this folder are made with. */
export interface AdminDeps {
  readonly database: Database
  readonly log: Log
  readonly users: Users
  readonly devices: Devices
  readonly rooms: Rooms
  readonly history: History
  readonly identities: Identities
  readonly login: Login
  readonly media: MediaAdministration
  readonly blocks: Blocks
  readonly placements: Pick<Placements, 'admit' | 'promote' | 'hostOf'>
  readonly jobs: Jobs
  /** What makes rooms, and puts people out of them. */
  readonly roomDeps: RoomsRouteDeps
  readonly retireAliases: (room: number, to: number | undefined) => Promise<string[]>
  readonly notices: Notices
  readonly resolveAlias: (alias: string) => Promise<number | undefined>
  /** Port to federation/; undefined where no other server is talked to. */
  readonly destinations: Destinations | undefined
  /** How far application services are. */
  readonly services: () => readonly { readonly id: string; readonly waiting: number; readonly failures: number }[]
  /** Who vouches for people here. */
  readonly providers: readonly { readonly id: string; readonly type: string }[]
  readonly signIns: SignIns
  /** Undefined where nobody's tokens are taken. Changes nothing. */
  readonly explain: (token: string) => Promise<ExplainedToken | undefined>
  readonly logger: AdminLog
  readonly serverName: string
  /** Of Latchkey. */
  readonly version: string
  /** The application service that a user belongs to. */
  readonly serviceOf: (userId: string) => string | undefined
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly randomId: () => string
}

/** What the admin API is made with. */
export interface AdminApiDeps extends AdminDeps {
  readonly audit: Audit
  readonly tasks: Tasks
}

import type { Users } from '../../users/index.ts'
import type { Database, Sequence } from '../../storage/index.ts'
import type { CommitDeps } from '../commit.ts'
import type { Resets } from '../resets.ts'
import type { UserRooms } from '../user-rooms.ts'
import type { RemoteEvents, SigningKeys } from './ports.ts'

/** What federation/ fills. */
export type ReceivePorts = Pick<ReceiveDeps, 'keys' | 'remote' | 'membersMoved' | 'logger' | 'onResolved'>

/** What takes the events of other servers is made with. */
export interface ReceiveDeps extends CommitDeps {
  readonly database: Database
  readonly users: Pick<Users, 'intern' | 'namesOf'>
  readonly userRooms: Pick<UserRooms, 'reread'>
  readonly resets: Resets
  readonly eventIds: Sequence
  readonly roomIds: Sequence
  readonly serverName: string
  readonly now: () => number
  readonly keys: SigningKeys
  readonly remote: RemoteEvents
  /** Told of a room whose members came and went otherwise than by events. */
  readonly membersMoved: (room: number) => void
  /** Port to metrics/: states that differed were made one, which took so many ms. */
  readonly onResolved?: ((ms: number) => void) | undefined
  /** A pino logger is one. */
  readonly logger: {
    info(details: object, message: string): void
    warn(details: object, message: string): void
  }
}

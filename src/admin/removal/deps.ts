import type { Rooms } from '../../events/index.ts'
import type { Blocks, Placements, RoomsRouteDeps } from '../../rooms/index.ts'
import type { Database } from '../../storage/index.ts'
import type { Users } from '../../users/index.ts'

/** What taking things away needs. */
export interface RemovalDeps {
  readonly database: Database
  readonly rooms: Rooms
  readonly users: Users
  readonly blocks: Blocks
  readonly placements: Pick<Placements, 'admit' | 'hostOf'>
  /** What makes rooms, and puts people out of them. */
  readonly roomDeps: RoomsRouteDeps
  /** Takes the aliases of this server from a room, and gives them to another where there is one. Resolves to them. */
  readonly retireAliases: (room: number, to: number | undefined) => Promise<string[]>
}

import type { Devices } from '../../devices/index.ts'
import type { Ephemeral } from '../../ephemeral/index.ts'
import type { Rooms } from '../../events/index.ts'
import type { Database } from '../../storage/index.ts'
import type { Log } from '../../streams/index.ts'
import type { Users } from '../../users/index.ts'
import type { RoomServers } from '../room-servers.ts'
import type { Wires } from '../wires.ts'

/** What a server is counted by. */
export type Counted = 'transactions' | 'pdus' | 'edus' | 'failures' | 'refused'

export interface OutboundDeps {
  readonly wires: Wires
  readonly serverName: string
  readonly database: Database
  readonly log: Log
  readonly rooms: Pick<Rooms, 'byNid' | 'events' | 'everywhere' | 'of' | 'timeline'>
  readonly users: Pick<Users, 'nameOf'>
  readonly devices: Pick<Devices, 'list' | 'listChanges' | 'publicKeys'>
  readonly typing: Pick<Ephemeral['typing'], 'in'>
  readonly roomServers: RoomServers
  readonly now: () => number
  readonly randomId: () => string
  readonly logger: { info(details: object, message: string): void; warn(details: object, message: string): void }
  readonly onError: (error: unknown) => void
  /** Port to metrics/. */
  readonly count?: ((server: string, what: Counted, by: number) => void) | undefined
}

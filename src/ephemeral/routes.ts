import type { Route } from '../http/index.ts'
import type { Rooms } from '../events/index.ts'
import type { Log } from '../streams/index.ts'
import type { Users } from '../users/index.ts'
import type { Ephemeral } from './ephemeral.ts'
import { presenceRoutes } from './routes/presence.ts'
import { receiptRoutes } from './routes/receipts.ts'
import { typingRoutes } from './routes/typing.ts'

export interface EphemeralRouteDeps {
  readonly ephemeral: Ephemeral
  readonly rooms: Rooms
  readonly users: Users
  readonly log: Log
}

/** Typing, receipts and read markers, presence. */
export const ephemeralRoutes = (deps: EphemeralRouteDeps): Route[] => [
  ...typingRoutes(deps),
  ...receiptRoutes(deps),
  ...presenceRoutes(deps),
]

import type { Route } from '../http/index.ts'
import type { EphemeralRouteDeps } from './deps.ts'
import { presenceRoutes } from './routes/presence.ts'
import { receiptRoutes } from './routes/receipts.ts'
import { typingRoutes } from './routes/typing.ts'

/** Typing, receipts and read markers, presence. */
export const ephemeralRoutes = (deps: EphemeralRouteDeps): Route[] => [
  ...typingRoutes(deps),
  ...receiptRoutes(deps),
  ...presenceRoutes(deps),
]

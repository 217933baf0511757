import type { Route } from '../../http/index.ts'
import type { HistoryRouteDeps } from '../deps.ts'
import { contextRoutes } from './context.ts'
import { memberRoutes } from './members.ts'
import { messagesRoutes } from './messages.ts'
import { relationRoutes } from './relations.ts'
import { stateRoutes } from './state.ts'
import { summaryRoutes } from './summary.ts'
import { threadRoutes } from './threads.ts'
import { timestampRoutes } from './timestamp.ts'

/** Everything that reads a room. */
export const historyRoutes = (deps: HistoryRouteDeps): Route[] => [
  ...messagesRoutes(deps),
  ...contextRoutes(deps),
  ...stateRoutes(deps),
  ...memberRoutes(deps),
  ...timestampRoutes(deps),
  ...threadRoutes(deps),
  ...relationRoutes(deps),
  ...summaryRoutes(deps),
]

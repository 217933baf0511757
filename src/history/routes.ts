import type { Route } from '../http/index.ts'
import type { HistoryRouteDeps } from './deps.ts'
import { contextRoutes } from './routes/context.ts'
import { memberRoutes } from './routes/members.ts'
import { messagesRoutes } from './routes/messages.ts'
import { relationRoutes } from './routes/relations.ts'
import { stateRoutes } from './routes/state.ts'
import { summaryRoutes } from './routes/summary.ts'
import { threadRoutes } from './routes/threads.ts'
import { timestampRoutes } from './routes/timestamp.ts'

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

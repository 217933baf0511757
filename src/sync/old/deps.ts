import type { HistoryRouteDeps } from '../../history/index.ts'
import type { SyncDeps } from '../deps.ts'

/** What the endpoints that were there before /sync are made with. */
export type OldSyncDeps = SyncDeps & Pick<HistoryRouteDeps, 'history' | 'database'>

import type { Database } from '../../storage/index.ts'
import type { History } from '../../history/index.ts'
import type { SyncDeps } from '../deps.ts'

/** What sliding sync is made with, besides what /sync is. */
export interface SlidingDeps extends SyncDeps {
  readonly database: Database
  readonly randomId: () => string
  /** For work that nobody waits for. */
  readonly onError: (error: unknown) => void
  /** How the user stands to what was said in a room. */
  readonly stayOf: History['sight']['stayOf']
}

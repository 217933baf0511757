import type { Config } from '../config/index.ts'
import type { Outgoing } from '../http/index.ts'
import type { Database } from '../storage/index.ts'
import type { Arrivals } from './arrivals.ts'
import type { RemoteMedia } from './remote.ts'
import type { ObjectStore } from './object-store.ts'
import type { Spool } from './spool.ts'

/** What media/ is given. */
export interface MediaDeps {
  readonly database: Database
  readonly serverName: string
  readonly config: Config['media']
  /** The folder for files and for what is on its way; undefined: a temporary one, gone at the end. */
  readonly directory: string | undefined
  readonly outgoing: Outgoing
  /** Absent where no other server is asked. */
  readonly remote?: RemoteMedia | undefined
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** 256 random bits, URL-safe. */
  readonly randomId: () => string
  /** Hears of what failed while nobody waited. */
  readonly onError: (error: unknown) => void
}

/** What the parts of media/ share. */
export interface MediaContext extends Omit<MediaDeps, 'directory'> {
  readonly store: ObjectStore
  readonly spool: Spool
  /** Uploads that somebody waits for. */
  readonly arrivals: Arrivals
  /** Brings a file of another server here, once for all who wait for it; absent where none is asked. */
  readonly bring?: ((serverName: string, mediaId: string) => Promise<void>) | undefined
}

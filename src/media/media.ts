import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Config } from '../config/index.ts'
import { type MediaAdministration, openAdministration } from './administration.ts'
import { createArrivals } from './arrivals.ts'
import type { MediaContext, MediaDeps } from './deps.ts'
import { folderStore } from './folder-store.ts'
import { mediaForServers, type MediaForServers } from './for-servers.ts'
import { createFetcher } from './fetch-remote.ts'
import type { ObjectStore } from './object-store.ts'
import { s3Store } from './s3-store.ts'
import { openSpool, type Spool } from './spool.ts'
import { sweepRegularly } from './sweep.ts'

/** Media that is open: its routes can be mounted. Disposing of it ends what it does by itself. */
export interface Media extends AsyncDisposable {
  readonly context: MediaContext
  /** Our own files, as other servers are given them. */
  readonly forServers: MediaForServers
  readonly administration: MediaAdministration
}

/** @throws Error when the S3 store is not described whole, which configuration checks tell of before */
function s3From(s3: Config['media']['s3'], deps: MediaDeps, spool: Spool): ObjectStore {
  const { endpoint, bucket, access_key_id: id, secret_access_key: secret } = s3
  if (endpoint === undefined || bucket === undefined || id === undefined || secret === undefined)
    throw new Error('media.s3 is not filled in')
  return s3Store({
    endpoint,
    bucket,
    prefix: s3.prefix ?? '',
    pathStyle: s3.path_style,
    key: { id, secret, region: s3.region },
    outgoing: deps.outgoing,
    spool,
    now: deps.now,
  })
}

/** Opens the store that the settings name, and begins to delete what is to go. */
export async function openMedia(deps: MediaDeps): Promise<Media> {
  await using stack = new AsyncDisposableStack()
  let { directory } = deps
  if (directory === undefined) {
    const temporary = await mkdtemp(join(tmpdir(), 'latchkey-media-'))
    stack.defer(() => rm(temporary, { recursive: true, force: true }))
    directory = temporary
  }
  const spool = await openSpool(join(directory, 'incoming'), deps)
  const store = deps.config.store === 's3' ? s3From(deps.config.s3, deps, spool) : folderStore(directory)
  const own: MediaContext = { ...deps, store, spool, arrivals: createArrivals() }
  const context: MediaContext = { ...own, bring: deps.remote && createFetcher(own, deps.remote) }
  stack.use(sweepRegularly(context))
  const open = stack.move()
  return {
    context,
    forServers: mediaForServers(context),
    administration: openAdministration(context),
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  }
}

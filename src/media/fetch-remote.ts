import type { Readable } from 'node:stream'
import { MatrixError } from '../matrix/errors.ts'
import type { MediaContext } from './deps.ts'
import { createGate } from './gate.ts'
import { keepFile } from './keep.ts'
import { normalType } from './media-type.ts'
import { remoteName, type RemoteMedia } from './remote.ts'
import { insertMedia, readMedia } from './store/media.ts'

const longestName = 1024
/** However slowly it comes: longer than this nobody fetches one file. */
const longestMs = 10 * 60_000

/** Ends with a refusal when there is more of it than there may be. */
async function* bounded(body: Readable, most: number): AsyncGenerator<Uint8Array> {
  let size = 0
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength
    if (size > most) {
      body.destroy()
      throw new MatrixError('M_TOO_LARGE', 'The file is larger than what this server takes', { status: 502 })
    }
    yield chunk
  }
}

/**
 * Makes what brings a file of another server here, once for all who wait for it. It is kept for a while, and then fetched anew.
 * @returns resolves when the file is here
 */
export function createFetcher(
  ctx: MediaContext,
  remote: RemoteMedia,
): (serverName: string, mediaId: string) => Promise<void> {
  const gate = createGate({ atOnce: 20, waiting: 500 })
  const underWay = new Map<string, Promise<void>>()

  const bring = async (serverName: string, mediaId: string): Promise<void> => {
    const name = remoteName(serverName, mediaId)
    const signal = AbortSignal.timeout(longestMs)
    const { body, type, filename } = await remote.download(serverName, mediaId, signal)
    signal.addEventListener('abort', () => body.destroy(new Error('The file takes too long')), { once: true })
    await using file = await ctx.spool.write(bounded(body, ctx.config.max_upload_size))
    const now = ctx.now()
    await keepFile(ctx, file, normalType(type), async (tx, nid) => {
      await insertMedia(tx, {
        media_id: name,
        user_nid: null,
        file_nid: nid,
        size: file.size,
        type: normalType(type),
        filename: filename === undefined ? null : filename.replaceAll('\0', '').slice(0, longestName).toWellFormed(),
        created_ts: now,
        expires_ts: now + ctx.config.remote.keep,
        accessed_ts: now,
        authenticated: 1,
      })
    })
  }

  return (serverName, mediaId) => {
    const name = remoteName(serverName, mediaId)
    const before = underWay.get(name)
    if (before) return before
    const fresh = gate
      .run(async () => {
        // It may have come while this waited.
        if (!(await readMedia(ctx.database.read, name))) await bring(serverName, mediaId)
      })
      .finally(() => underWay.delete(name))
    underWay.set(name, fresh)
    return fresh
  }
}

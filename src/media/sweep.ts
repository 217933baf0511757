import type { MediaContext } from './deps.ts'
import { dropUnusedFiles, readGarbage, unmarkGarbage } from './store/files.ts'
import { avatarsAmong, deleteExpired, deleteMedia, readStale, touchMedia } from './store/media.ts'
import { deleteExpiredPreviews } from './store/previews.ts'
import { mxc } from './upload.ts'

/** Deletes some of what is to go; false when there was nothing. */
type Step = () => Promise<boolean>

/** Uploads that nobody has fetched for so long, unless they are somebody's avatar. */
const dropStale =
  (ctx: MediaContext, lifetime: number | 'off', size: number): Step =>
  async () => {
    if (lifetime === 'off') return false
    const now = ctx.now()
    const ids = await readStale(ctx.database.read, now - lifetime, size)
    if (ids.length === 0) return false
    const avatars = await avatarsAmong(
      ctx.database.read,
      ids.map((id) => mxc(ctx, id)),
    )
    await ctx.database.write(async (tx) => {
      // An avatar counts as fetched: it is not looked at again for a while.
      for (const id of ids) await (avatars.has(mxc(ctx, id)) ? touchMedia(tx, id, now) : deleteMedia(tx, id))
    })
    return true
  }

const emptyGarbage =
  (ctx: MediaContext): Step =>
  async () => {
    const names = await readGarbage(ctx.database.read, ctx.now())
    for (const name of names) {
      await ctx.store.delete(name)
      await ctx.database.write((tx) => unmarkGarbage(tx, name))
    }
    return names.length > 0
  }

/** Deletes the files that nobody has any more, at once. */
export async function dropFiles(ctx: MediaContext): Promise<void> {
  const steps: Step[] = [() => ctx.database.write((tx) => dropUnusedFiles(tx, ctx.now())), emptyGarbage(ctx)]
  for (const step of steps) while (await step());
}

/** Deletes what nobody is to have any more: addresses whose files never came, what retention says, old previews, files of nobody. */
export async function sweep(ctx: MediaContext, signal?: AbortSignal): Promise<void> {
  const { uploads, large_uploads: largeUploads, large } = ctx.config.retention
  const steps: Step[] = [
    () => ctx.database.write((tx) => deleteExpired(tx, ctx.now())),
    () => ctx.database.write((tx) => deleteExpiredPreviews(tx, ctx.now())),
    dropStale(ctx, uploads, 0),
    dropStale(ctx, largeUploads, large),
    () => ctx.database.write((tx) => dropUnusedFiles(tx, ctx.now())),
    emptyGarbage(ctx),
  ]
  for (const step of steps) while (await step()) if (signal?.aborted) return
}

const everyMs = 60 * 60 * 1000
const firstMs = 60 * 1000

/** Sweeps now and then, until it is disposed of. */
export function sweepRegularly(ctx: MediaContext): AsyncDisposable {
  const stop = new AbortController()
  let running: Promise<void> = Promise.resolve()
  let timer: NodeJS.Timeout | undefined
  const schedule = (ms: number): void => {
    if (stop.signal.aborted) return
    timer = setTimeout(() => {
      running = sweep(ctx, stop.signal)
        .catch(ctx.onError)
        .then(() => schedule(everyMs))
    }, ms).unref()
  }
  schedule(firstMs)
  return {
    [Symbol.asyncDispose]: async () => {
      stop.abort()
      clearTimeout(timer)
      await running
    },
  }
}

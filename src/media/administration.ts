import { MatrixError } from '../matrix/errors.ts'
import type { MediaContext } from './deps.ts'
import {
  countMediaOf,
  type MediaListWish,
  noteChanges,
  quarantine,
  readChanges,
  readMediaInfo,
  readMediaOf,
  readUnused,
  setSafe,
  unquarantine,
} from './store/administration.ts'
import { avatarsAmong, deleteMedia, readMedia } from './store/media.ts'
import { dropFiles } from './sweep.ts'
import { mxc } from './upload.ts'

export type MediaInfo = NonNullable<Awaited<ReturnType<typeof readMediaInfo>>>
export type MediaOfUser = Awaited<ReturnType<typeof readMediaOf>>[number]

/** What administrators may see of files and do with them. All of it speaks of addresses of this server. */
export interface MediaAdministration {
  info(mediaId: string): Promise<MediaInfo | undefined>
  of(user: number, wish: MediaListWish): Promise<{ media: MediaOfUser[]; total: number }>
  /** Keeps everybody from these, and from whatever has the same content. Those that are protected stay. Resolves to how many it changed. */
  quarantine(mediaIds: readonly string[], by: string): Promise<number>
  unquarantine(mediaId: string): Promise<void>
  /** Changes of quarantine after one, oldest first, a hundred at most. */
  changes(after: number): Promise<{ nid: number; media_id: string; quarantined: number }[]>
  /** Whether no quarantine takes it in. @throws MatrixError M_NOT_FOUND */
  protect(mediaId: string, safe: boolean): Promise<void>
  /** Deletes addresses, and the files that nobody has any more. Resolves to those that were there. */
  delete(mediaIds: readonly string[]): Promise<string[]>
  /** The same for some of those that nobody has fetched since `before` (ms) and that have more than `larger` bytes. */
  deleteUnused(wish: { before: number; larger: number; keepAvatars: boolean }): Promise<string[]>
  /** Deletes what is kept of other servers and nobody has fetched since `before` (ms): it is fetched anew when somebody wants it. Resolves to how many. */
  purgeRemote(before: number): Promise<number>
}

const atOnce = 100
/** Of one request; whoever wants more asks again. */
const mostDeleted = 10_000

export function openAdministration(ctx: MediaContext): MediaAdministration {
  const { database } = ctx

  const remove = async (ids: readonly string[]): Promise<string[]> => {
    const gone: string[] = []
    for (let start = 0; start < ids.length; start += atOnce) {
      const some = ids.slice(start, start + atOnce)
      gone.push(
        ...(await database.write(async (tx) => {
          const there: string[] = []
          for (const id of some) {
            if (!(await readMedia(tx, id))) continue
            await deleteMedia(tx, id)
            there.push(id)
          }
          return there
        })),
      )
    }
    if (gone.length > 0) await dropFiles(ctx)
    return gone
  }

  return {
    info: (mediaId) => readMediaInfo(database.read, mediaId),
    of: async (user, wish) => ({
      media: await readMediaOf(database.aside, user, wish),
      total: await countMediaOf(database.aside, user),
    }),
    quarantine: async (mediaIds, by) => {
      let count = 0
      for (const id of mediaIds) {
        count += await database.write(async (tx) => {
          const changed = await quarantine(tx, id, by)
          await noteChanges(tx, changed, true)
          return changed.length
        })
      }
      return count
    },
    unquarantine: (mediaId) => database.write(async (tx) => noteChanges(tx, await unquarantine(tx, mediaId), false)),
    changes: (after) => readChanges(database.read, after, 100),
    protect: async (mediaId, safe) => {
      if (!(await database.write((tx) => setSafe(tx, mediaId, safe))))
        throw new MatrixError('M_NOT_FOUND', 'There is no such file')
    },
    delete: remove,
    deleteUnused: async ({ before, larger, keepAvatars }) => {
      const gone: string[] = []
      let after = ''
      while (gone.length < mostDeleted) {
        const ids = await readUnused(database.aside, { remote: false, before, larger, after, limit: atOnce })
        const last = ids.at(-1)
        if (last === undefined) break
        after = last
        const uris = ids.map((id) => mxc(ctx, id))
        const avatars = keepAvatars ? await avatarsAmong(database.read, uris) : new Set<string>()
        gone.push(...(await remove(ids.filter((id) => !avatars.has(mxc(ctx, id))))))
      }
      return gone
    },
    purgeRemote: async (before) => {
      let gone = 0
      for (let isMore = true; isMore && gone < mostDeleted;) {
        const ids = await readUnused(database.aside, { remote: true, before, larger: -1, after: '', limit: atOnce })
        isMore = ids.length === atOnce
        gone += (await remove(ids)).length
      }
      return gone
    },
  }
}

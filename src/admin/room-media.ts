import type { AdminDeps } from './deps.ts'
import { readEventsWithMedia } from './store/room-media.ts'

const mxc = /mxc:\/\/([^/"\s\\]{1,255})\/([A-Za-z0-9_-]{1,255})/g
const atOnce = 1000
/** A list that is longer is cut off. */
const most = 100_000

/** The files that events of a room speak of, in the open: by id those of this server, by address those of others. */
export async function mediaInRoom(
  { database, serverName }: Pick<AdminDeps, 'database' | 'serverName'>,
  room: number,
): Promise<{ local: string[]; remote: string[] }> {
  const [local, remote] = [new Set<string>(), new Set<string>()]
  for (let after = Number.MIN_SAFE_INTEGER; local.size + remote.size < most;) {
    const rows = await readEventsWithMedia(database.aside, room, after, atOnce)
    for (const { json } of rows) {
      for (const [uri, server = '', id = ''] of json.matchAll(mxc)) {
        if (server === serverName) local.add(id)
        else remote.add(uri)
      }
    }
    const last = rows.at(-1)
    if (last?.position == null || rows.length < atOnce) break
    after = last.position
  }
  return { local: [...local], remote: [...remote] }
}

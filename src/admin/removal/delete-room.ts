import { MatrixError } from '../../matrix/errors.ts'
import { own, type JsonObject } from '../../matrix/json.ts'
import type { Room } from '../../events/index.ts'
import { createRoom, setMembership } from '../../rooms/index.ts'
import { deleteOfMembers, deleteOfRoom } from '../store/removal.ts'
import type { TaskRun, TaskWork } from '../tasks.ts'
import type { RemovalDeps } from './deps.ts'

const usualName = 'Content Violation Notification'
const usualMessage =
  'This room has been closed by the administrators of this server. Please ask them if you want to know why.'
/** Of those that were put out, and those that would not go: more are not named. */
const mostNamed = 10_000

interface Progress {
  kicked: string[]
  failed: string[]
  aliases: string[]
  newRoom: string | null
  /** Short id, once the room is being dropped. */
  nid: number | undefined
  dropped: number
}

const texts = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : []

const progressOf = (result: JsonObject): Progress => {
  const [newRoom, nid, dropped] = [own(result, 'new_room_id'), own(result, 'room_nid'), own(result, 'dropped_events')]
  return {
    kicked: texts(own(result, 'kicked_users')),
    failed: texts(own(result, 'failed_to_kick_users')),
    aliases: texts(own(result, 'local_aliases')),
    newRoom: typeof newRoom === 'string' ? newRoom : null,
    nid: typeof nid === 'number' ? nid : undefined,
    dropped: typeof dropped === 'number' ? dropped : 0,
  }
}

const keep = async ({ result, save }: TaskRun, progress: Progress): Promise<void> => {
  Object.assign(result, {
    kicked_users: progress.kicked,
    failed_to_kick_users: progress.failed,
    local_aliases: progress.aliases,
    new_room_id: progress.newRoom,
    ...(progress.nid !== undefined && { room_nid: progress.nid }),
    dropped_events: progress.dropped,
  })
  await save()
}

/** The room in which people are told what happened. They cannot speak in it. */
async function makeNewRoom(deps: RemovalDeps, params: JsonObject): Promise<string | null> {
  const userId = own(params, 'new_room_user_id')
  if (typeof userId !== 'string') return null
  const sender = { nid: await deps.users.intern(userId), userId }
  const [name, message] = [own(params, 'room_name'), own(params, 'message')]
  const room = await createRoom(deps.roomDeps, sender, {
    preset: 'public_chat',
    name: typeof name === 'string' ? name : usualName,
    powerLevels: { users_default: -10 },
  })
  const body = typeof message === 'string' ? message : usualMessage
  await deps.rooms.append(room, [{ type: 'm.room.message', sender, content: { msgtype: 'm.text', body } }])
  return room.id
}

/** Puts everybody of this server out, and into the new room where there is one. */
async function moveMembers(deps: RemovalDeps, run: TaskRun, room: Room, progress: Progress): Promise<void> {
  const done = new Set([...progress.kicked, ...progress.failed])
  let steps = 0
  for (const [nid, { membership }] of room.members) {
    if (membership === 'leave' || membership === 'ban') continue
    const account = await deps.users.account(nid)
    if (!account || done.has(account.userId)) continue
    const who = { nid, userId: account.userId }
    try {
      await setMembership(deps.roomDeps, who, room, who.userId, 'leave')
      if (progress.newRoom !== null && membership === 'join') await deps.placements.admit(who, progress.newRoom)
      if (progress.kicked.length < mostNamed) progress.kicked.push(who.userId)
    } catch (error) {
      if (!(error instanceof MatrixError)) throw error
      if (progress.failed.length < mostNamed) progress.failed.push(who.userId)
    }
    if (++steps % 50 === 0) await keep(run, progress)
    await run.pause()
  }
}

/**
 * Takes a room away: its members are put out, its aliases go (to the new room where one is made), and unless it is only to be closed
 * no row of it stays in any table.
 */
export const deleteRoom =
  (deps: RemovalDeps): TaskWork =>
  async (run) => {
    const { params, resource: roomId } = run
    const progress = progressOf(run.result)
    const requester = own(params, 'requester')
    if (own(params, 'block') === true && typeof requester === 'string') await deps.blocks.block(roomId, requester)
    if (progress.nid === undefined) {
      const room = await deps.rooms.find(roomId)
      if (!room) return keep(run, progress)
      progress.newRoom ??= await makeNewRoom(deps, params)
      await keep(run, progress)
      await moveMembers(deps, run, room, progress)
      const target = progress.newRoom === null ? undefined : await deps.rooms.find(progress.newRoom)
      progress.aliases.push(...(await deps.retireAliases(room.nid, target?.nid)))
      await keep(run, progress)
      if (own(params, 'purge') === false) return
      if (progress.failed.length > 0 && own(params, 'force_purge') !== true)
        throw new MatrixError(
          'M_UNKNOWN',
          'Not everybody could be put out; "force_purge" deletes the room all the same',
        )
      progress.nid = room.nid
      await keep(run, progress)
    }
    const { nid } = progress
    const { removal } = deps.rooms
    await removal.retire(nid)
    const within = deleteOfMembers(nid, roomId)
    while ((await removal.dropMembers(nid, within)) > 0) await run.pause()
    for (;;) {
      const dropped = await removal.dropEvents(nid)
      if (dropped === 0) break
      progress.dropped += dropped
      if (progress.dropped % 5000 < dropped) await keep(run, progress)
      await run.pause()
    }
    while (await deps.database.write((tx) => deleteOfRoom(tx, nid, roomId, 100))) await run.pause()
    await keep(run, progress)
  }

import { MatrixError } from '../../matrix/errors.ts'
import { isObject, own, type JsonObject } from '../../matrix/json.ts'
import type { Room, StoredEvent } from '../../events/index.ts'
import type { TaskRun, TaskWork } from '../tasks.ts'
import type { RemovalDeps } from './deps.ts'

const atOnce = 200
/** Failures that are remembered. */
const mostFailures = 1000

/** What no redaction is of use for, or would harm the room. */
const spared = new Set(['m.room.redaction', 'm.room.create', 'm.room.server_acl', 'm.room.encryption'])

const numberOr = (params: JsonObject, key: string, otherwise: number): number => {
  const value = own(params, key)
  return typeof value === 'number' ? value : otherwise
}

async function redactIn(deps: RemovalDeps, run: TaskRun, room: Room, user: number): Promise<void> {
  const { params, result } = run
  const [after, before] = [numberOr(params, 'after_ts', 0), numberOr(params, 'before_ts', Number.MAX_SAFE_INTEGER)]
  const reason = own(params, 'reason')
  const failed = own(result, 'failed_redactions')
  const failures: JsonObject = isObject(failed) ? failed : {}
  let left = numberOr(params, 'limit', 1000)
  const account = await deps.users.account(user)
  const puppet =
    account && !account.deactivated && room.joined.has(user) ? { nid: user, userId: account.userId } : undefined
  const adminNid = numberOr(params, 'admin', 0)
  const admin = { nid: adminNid, userId: await deps.users.nameOf(adminNid) }
  const sender =
    own(params, 'use_admin') === true ? admin : (puppet ?? (await deps.placements.hostOf(room, 'redact')) ?? admin)

  const redact = async (target: StoredEvent): Promise<void> => {
    try {
      const content = typeof reason === 'string' ? { reason } : {}
      await deps.rooms.append(room, [{ type: 'm.room.redaction', sender, content, redacts: target }])
    } catch (error) {
      if (!(error instanceof MatrixError)) throw error
      if (Object.keys(failures).length < mostFailures) failures[target.event.id] = error.message
    }
    await run.pause()
  }

  let upTo = room.latestPosition
  while (left > 0) {
    const found = await deps.rooms.timeline({
      room: room.nid,
      above: Number.MIN_SAFE_INTEGER,
      upTo,
      limit: atOnce,
      dir: 'b',
    })
    for (const stored of found) {
      const { event } = stored
      if (stored.sender !== user || stored.redactedBy !== null || spared.has(event.type)) continue
      if (event.ts < after || event.ts > before) continue
      if (left-- <= 0) break
      await redact(stored)
    }
    const last = found.at(-1)
    if (!last || found.length < atOnce) break
    upTo = last.position - 1
    await run.pause()
  }
  result['failed_redactions'] = failures
}

/** Redacts what somebody has said, newest first, in rooms that are named or in all that they are in. */
export const redactUser =
  (deps: RemovalDeps): TaskWork =>
  async (run) => {
    const user = await deps.users.find(run.resource)
    if (user === undefined) throw new MatrixError('M_NOT_FOUND', 'User not found')
    const named = own(run.params, 'rooms')
    const done = own(run.result, 'done_rooms')
    const doneRooms = new Set(Array.isArray(done) ? done : [])
    const wanted = Array.isArray(named) && named.length > 0 ? named.map(String) : undefined
    const rooms: (Room | undefined)[] = []
    if (wanted) for (const id of wanted) rooms.push(await deps.rooms.find(id))
    else
      for (const [nid, { membership }] of await deps.rooms.of(user))
        if (membership === 'join') rooms.push(await deps.rooms.byNid(nid))
    for (const room of rooms) {
      if (!room || doneRooms.has(room.id)) continue
      await redactIn(deps, run, room, user)
      doneRooms.add(room.id)
      run.result['done_rooms'] = [...doneRooms].slice(-10_000)
      await run.save()
    }
  }

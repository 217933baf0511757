import {
  bumps,
  emptySummary,
  flatten,
  insertStateLayer,
  memberFrom,
  summarise,
  summaryColumns,
  type StateLayer,
} from '../../events/index.ts'
import { toRoomEvent } from '../../matrix/event.ts'
import type { JsonObject } from '../../matrix/json.ts'
import type { Pdu } from '../../matrix/pdu.ts'
import type { RoomVersion } from '../../matrix/room-version.ts'
import { putRows } from '../store/rows.ts'
import { clearMembers, readNewest, readTexts, readTextsByNid, updateRoomRow, type EventText } from '../store/rooms.ts'
import { isTrue, type ImportContext } from '../target.ts'
import type { RoomEvents } from './room-events.ts'

interface Wish {
  readonly nid: number
  readonly roomId: string
  readonly version: RoomVersion
  readonly published: boolean
  readonly events: RoomEvents
}

interface Holder {
  type: string
  state_key: string
  event_id: string
}

/** State events that are read at once. */
const size = 500

/** How a room stands now: its newest events, its state, its members, and what lists show of it. */
export async function importHead(ctx: ImportContext, wish: Wish): Promise<void> {
  const { source, database } = ctx
  const { nid, roomId, events, published } = wish
  const newest = await source.rows<{ event_id: string; state_group: number | null }>(
    `select f.event_id, g.state_group from event_forward_extremities f left join event_to_state_groups g on g.event_id = f.event_id
      where f.room_id = ?`,
    [roomId],
  )
  const chain = await currentState(
    ctx,
    wish,
    newest.flatMap((row) => row.state_group ?? []),
  )
  const extremities = await events.nidsOf(newest.map((row) => row.event_id))
  const { layers, keys } = events.groups.take()
  await database.write(async (tx) => {
    for (const key of keys) await ctx.stateKeys.store(tx, key)
    for (const layer of layers) await insertStateLayer(tx, layer)
  })
  for (const key of keys) ctx.stateKeys.confirm(key)
  const { members, summary } = await readState(ctx, wish, [...flatten(chain).values()])
  const [latest, bump] = [await readNewest(database.read, nid), await readNewest(database.read, nid, [...bumps])]
  const count = (membership: string): number => members.filter((one) => one.membership === membership).length
  await database.write(async (tx) => {
    await clearMembers(tx, nid)
    await putRows(tx, 'memberships', members, { key: ['room_nid', 'user_nid'] })
    await updateRoomRow(tx, nid, {
      state_nid: chain.at(-1)?.nid ?? 0,
      extremities: JSON.stringify([...extremities.values()]),
      latest_position: latest,
      bump_position: bump,
      published: published ? 1 : 0,
      ...summaryColumns(summary),
      joined_members: count('join'),
      invited_members: count('invite'),
    })
  })
  ctx.report.count('memberships', members.length)
}

/** The state now. A room that everybody has left has none in Synapse: then that after its newest events. */
async function currentState(
  { source }: ImportContext,
  { roomId, events }: Wish,
  groups: readonly number[],
): Promise<readonly StateLayer[]> {
  const [group] = groups
  const after = group === undefined ? [] : await events.groups.chainOf(group)
  const holders = await source.rows<Holder>(
    'select type, state_key, event_id from current_state_events where room_id = ?',
    [roomId],
  )
  return holders.length === 0 ? after : events.groups.whole(await events.groups.idsOf(holders))
}

/** Members and summary, as the events of the state say. */
async function readState(ctx: ImportContext, { nid, roomId, version }: Wish, nids: readonly number[]) {
  const { source, database, names } = ctx
  let summary = emptySummary
  const found = new Map<string, { text: EventText; membership: ReturnType<typeof memberFrom> }>()
  const take = (text: EventText): void => {
    const event = toRoomEvent(JSON.parse(text.json) as Pdu & JsonObject, version, text.event_id) // written by this import
    if (event.type !== 'm.room.member') summary = summarise(summary, event)
    else if (event.stateKey !== undefined)
      found.set(event.stateKey, {
        text,
        membership: memberFrom(event, text.nid, text.sender_nid, text.position ?? 0),
      })
  }
  for (let start = 0; start < nids.length; start += size)
    for (const text of await readTextsByNid(database.read, nids.slice(start, start + size))) take(text)
  // Of people of this server Synapse knows besides what the state does not say: invitations to rooms that nobody is in, and who has left.
  const local = await source.rows<{ event_id: string; user_id: string; forgotten: unknown }>(
    `select c.event_id, c.user_id, m.forgotten from local_current_membership c left join room_memberships m on m.event_id = c.event_id
      where c.room_id = ?`,
    [roomId],
  )
  const forgotten = new Set(local.filter((row) => isTrue(row.forgotten)).map((row) => row.user_id))
  const unnamed = local.filter((row) => found.get(row.user_id)?.text.event_id !== row.event_id)
  for (let start = 0; start < unnamed.length; start += size) {
    const ids = unnamed.slice(start, start + size).map((row) => row.event_id)
    for (const text of await readTexts(database.read, ids)) take(text)
  }
  const users = await names.users(found.keys())
  const members = [...found].map(([userId, { membership }]) => ({
    room_nid: nid,
    user_nid: users.get(userId) ?? 0,
    membership: membership.membership,
    event_nid: membership.event,
    position: membership.position,
    sender_nid: membership.sender,
    forgotten: forgotten.has(userId) && membership.membership !== 'join' ? 1 : 0,
    display_name: membership.displayName,
    avatar_url: membership.avatarUrl,
  }))
  return { members, summary }
}

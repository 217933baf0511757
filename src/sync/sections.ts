import type { Membership, Room, UserRoom } from '../rooms/index.ts'
import { joinedRoom, type RoomContext } from './joined-room.ts'
import { leftRoom, strippedRoom } from './other-rooms.ts'
import { membershipChange, type Span } from './room-window.ts'
import type { RoomNews } from './news.ts'

/** The rooms of an answer: by section the room's id and its JSON text. */
export type Sections = Record<'join' | 'invite' | 'knock' | 'leave', Array<readonly [roomId: string, text: string]>>

const sectionOf: Record<Membership, keyof Sections> = { join: 'join', invite: 'invite', knock: 'knock', leave: 'leave', ban: 'leave' }

/** The device lists that a change of memberships touches, by user nid. */
export interface ListChanges {
  readonly rooms: Array<{ readonly room: Room, readonly joined: boolean }>
}

/** Every room that has something to tell. */
export async function roomSections(context: RoomContext, memberships: ReadonlyMap<number, UserRoom>, news: RoomNews, span: Span, lists: ListChanges): Promise<Sections> {
  const sections: Sections = { join: [], invite: [], knock: [], leave: [] }
  const { filter, since, fullState } = context.request
  for (const [nid, member] of memberships) {
    const changed = since === undefined || member.position > span.since
    if (!changed && !(fullState && member.membership === 'join') && !news.changed.has(nid)) continue
    if (member.position > span.until || member.forgotten) continue
    const room = await context.deps.rooms.byNid(nid)
    if (!room || !(filter.room.rooms.all || filter.room.rooms.includes(room.id))) continue
    const section = sectionOf[member.membership]
    const text = await roomText(context, room, member, { changed, news, span, lists })
    if (text !== undefined) sections[section].push([room.id, text])
  }
  return sections
}

interface RoomChange {
  readonly changed: boolean
  readonly news: RoomNews
  readonly span: Span
  readonly lists: ListChanges
}

async function roomText(context: RoomContext, room: Room, member: UserRoom, { changed, news, span, lists }: RoomChange): Promise<string | undefined> {
  const { since, filter, fullState } = context.request
  const isInitial = since === undefined
  if (member.membership === 'invite' || member.membership === 'knock') return changed ? strippedRoom(context, member) : undefined
  const change = isInitial || !changed ? undefined : await membershipChange(context.deps.rooms, member, span.since)
  if (member.membership !== 'join') {
    if (!changed || (isInitial && !filter.room.includeLeave)) return undefined
    const wasJoined = isInitial ? await wasEverJoined(context, member) : change?.before === 'join' || change?.wasOut === true
    if (change?.before === 'join') lists.rooms.push({ room, joined: false })
    return leftRoom(context, room, member, span, wasJoined, isInitial || change?.before !== 'join')
  }
  const isNew = isInitial || (change !== undefined && (change.before !== 'join' || change.wasOut))
  if (isNew && !isInitial) lists.rooms.push({ room, joined: true })
  return joinedRoom(context, {
    room, span, isNew, fullState, accountData: news.accountData.get(room.nid) ?? [], receipts: news.receipts.get(room.nid) ?? [],
    typing: isNew || news.typing.has(room.nid), touched: isInitial || news.touched.has(room.nid),
  })
}

/** Whether there is any history of the room that the user was there for. */
async function wasEverJoined({ deps }: RoomContext, member: UserRoom): Promise<boolean> {
  let stored = await deps.rooms.events.get(member.event)
  while (stored) {
    if (stored.event.content['membership'] === 'join') return true
    stored = stored.replaces === null ? undefined : await deps.rooms.events.get(stored.replaces)
  }
  return false
}

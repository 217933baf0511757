import type { Membership, Room, UserRoom } from '../events/index.ts'
import type { RoomContext } from './history.ts'
import { mustRest, rest } from '../storage/index.ts'
import { joinedRoom } from './joined-room.ts'
import { leftRoom, leftWithoutHistory, strippedRoom } from './other-rooms.ts'
import type { Owed } from './owed.ts'
import { longestAnswer, type Span } from './room-window.ts'
import type { RoomNews } from './news.ts'
import { membershipIn, standingOf, type Standing } from './standing.ts'

/** The rooms of an answer: by section the room's id and its JSON text. */
export type Sections = Record<Section, Array<readonly [roomId: string, text: string]>>

type Section = 'join' | 'invite' | 'knock' | 'leave'

const sectionOf: Record<Membership, Section> = {
  join: 'join',
  invite: 'invite',
  knock: 'knock',
  leave: 'leave',
  ban: 'leave',
}

/** Every room that has something to tell. One that cannot be told, or that the answer has no place for, is left out, and owed. */
export async function roomSections(
  context: RoomContext,
  memberships: ReadonlyMap<number, UserRoom>,
  news: RoomNews,
  span: Span,
  owed: Owed,
): Promise<Sections> {
  const sections: Sections = { join: [], invite: [], knock: [], leave: [] }
  const {
    deps,
    request: { filter, session, since, fullState },
  } = context
  const debts = new Set(owed.of(session, span.since))
  let left = longestAnswer(context.deps.memory)
  for (const [nid, member] of memberships) {
    const isDue =
      since === undefined ||
      member.position > span.since ||
      (fullState && member.membership === 'join') ||
      news.changed.has(nid) ||
      debts.has(nid)
    if (!isDue) continue
    if (mustRest()) await rest()
    if (left < 0) {
      owed.owe(session, nid, span.until)
      continue
    }
    try {
      const room = await deps.rooms.byNid(nid)
      if (!room || !(filter.room.rooms.all || filter.room.rooms.includes(room.id))) continue
      const found = await roomText(context, { room, member, news, span, isOwed: debts.has(nid) })
      if (found) {
        sections[found.section].push([room.id, found.text])
        left -= found.text.length
      }
      if (debts.has(nid)) owed.pay(session, nid, span.until)
    } catch (error) {
      deps.onRoomError(error, { room: nid, user: session.user })
      owed.owe(session, nid, span.until)
    }
  }
  return sections
}

interface RoomTask {
  readonly room: Room
  readonly member: UserRoom
  readonly news: RoomNews
  readonly span: Span
  readonly isOwed: boolean
}

interface Told {
  readonly section: Section
  readonly text: string
}

async function roomText(context: RoomContext, task: RoomTask): Promise<Told | undefined> {
  const { member, isOwed } = task
  const { since, filter } = context.request
  const isInitial = since === undefined
  const isSettled = member.position <= task.span.until && (isInitial || member.position <= task.span.since)
  // An account with a thousand rooms is not asked since when it is in each of them.
  if (member.membership === 'join' && isSettled)
    return joined(context, task, { isNew: isInitial || isOwed, isReturn: isOwed && !isInitial })
  if (isInitial && sectionOf[member.membership] === 'leave' && (!filter.room.includeLeave || member.forgotten))
    return undefined
  // The client starts a room that it is owed anew, as if it had never heard of it.
  const span = isOwed ? { since: 0, until: task.span.until } : task.span
  const standing = await standingOf(context.deps.rooms, member, span)
  if (!standing) return undefined
  const section = sectionOf[membershipIn(standing.own)]
  if (section === 'join')
    return joined(context, task, {
      isNew: isInitial || standing.stay?.isNew === true,
      isReturn: !isInitial && standing.stay?.isReturn === true,
    })
  if (!isInitial && standing.own.position <= span.since) return undefined
  const text =
    section === 'leave' ? await left(context, task, standing, span.since) : await strippedRoom(context, standing.own)
  return text === undefined ? undefined : { section, text }
}

async function joined(
  context: RoomContext,
  { room, news, span }: RoomTask,
  { isNew, isReturn }: { isNew: boolean; isReturn: boolean },
): Promise<Told | undefined> {
  const {
    request: { since, fullState },
  } = context
  // Of a room that is new to the client all is news, however old.
  const { accountData, receipts } = isNew && since !== undefined ? await allOf(context, room, span.until) : news
  const text = await joinedRoom(context, {
    room,
    span,
    isNew,
    isReturn,
    fullState,
    accountData: accountData.get(room.nid) ?? [],
    receipts: receipts.get(room.nid) ?? [],
    typing: isNew || news.typing.has(room.nid),
    touched: since === undefined || news.touched.has(room.nid),
  })
  return text === undefined ? undefined : { section: 'join', text }
}

async function left(
  context: RoomContext,
  { room, member, news }: RoomTask,
  standing: Standing,
  since: number,
): Promise<string | undefined> {
  if (member.forgotten) return leftWithoutHistory(context, standing.own)
  return leftRoom(context, room, standing, since, news.accountData.get(room.nid) ?? [])
}

/** What belongs to a room besides its events, from the beginning on. */
async function allOf(
  { deps, request: { session } }: RoomContext,
  room: Room,
  until: number,
): Promise<Pick<RoomNews, 'accountData' | 'receipts'>> {
  const [accountData, receipts] = await Promise.all([
    deps.accountData.since(session.user, 0, until),
    deps.receipts.since(session.user, [room.nid], 0, until),
  ])
  return { accountData: accountData.rooms, receipts }
}

import type { Room, StoredEvent } from '../rooms/index.ts'
import type { JsonObject } from '../matrix/json.ts'
import type { PlainEvent, SyncDeps, Unread } from './deps.ts'
import type { LazyLoading } from './lazy-loading.ts'
import type { SyncRequest } from './request.ts'
import { stateEvents, stateFor } from './room-state.ts'
import { timelineOf, wantedBy, type Span } from './room-window.ts'
import { summaryOf } from './summary.ts'

/** One room of an answer, before it is written down. */
export interface RoomWish {
  readonly room: Room
  readonly span: Span
  /** The client knows nothing of the room: it gets the whole state, and history up to the limit. */
  readonly isNew: boolean
  /** State in full although the client knows the room. */
  readonly fullState: boolean
  readonly accountData: readonly PlainEvent[]
  readonly receipts: readonly JsonObject[]
  /** Somebody began or stopped to type, or the client knows nothing of the room. */
  readonly typing: boolean
  /** Something else changed, such as a receipt of the user's own: counts are sent. */
  readonly touched: boolean
}

export interface RoomContext {
  readonly deps: SyncDeps
  readonly request: SyncRequest
  readonly lazy: LazyLoading
  readonly ignored: ReadonlySet<string>
  readonly now: number
}

export const eventList = (texts: readonly string[]): string => `{"events":[${texts.join(',')}]}`

/** Timeline and state of a room, as members of a JSON object. Undefined: there is nothing to tell. */
export interface RoomHistory {
  readonly text: string
  readonly touchesMembers: boolean
}

export async function historyOf(context: RoomContext, room: Room, span: Span, isNew: boolean, fullState: boolean): Promise<RoomHistory | undefined> {
  const { deps, request, lazy } = context
  const { filter, session, useStateAfter } = request
  const wanted = wantedBy(filter.room.timeline, context.ignored)
  const reach = isNew ? { since: Number.MIN_SAFE_INTEGER, until: span.until } : span
  const timeline = filter.room.timeline.none
    ? { events: [], limited: false }
    : await timelineOf(deps, room.nid, reach, filter.room.timeline.limit, wanted)
  const shown = isNew ? await deps.visible(session, room, timeline.events) : timeline.events
  const full = isNew || fullState
  const state = await stateFor(deps.rooms, room, { span, timeline, full, after: useStateAfter })
  const members = filter.room.state.lazyLoadMembers ? lazy.membersFor(request, shown, full) : undefined
  const events = await stateEvents(deps, room, state, filter.room.state, members && { wanted: members, keepChanges: !full && timeline.limited }, span)
  const sent = members && !full ? lazy.unsent(request, room.nid, events, timeline.limited) : events
  if (members) lazy.note(request, room.nid, events)
  if (!full && shown.length === 0 && sent.length === 0) return undefined

  const reader = { session, device: session.device, now: context.now, withRoomId: false }
  const [timelineTexts, stateTexts] = await Promise.all([deps.serialise(shown, reader), deps.serialise(sent, reader)])
  const first = timeline.events[0]
  const prevBatch = first ? first.position - 1 : span.until
  const isMember = (stored: StoredEvent): boolean => stored.event.type === 'm.room.member'
  return {
    text: `"timeline":{"events":[${timelineTexts.join(',')}],"limited":${timeline.limited},"prev_batch":"${prevBatch}"},`
      + `"${useStateAfter ? 'state_after' : 'state'}":${eventList(stateTexts)}`,
    touchesMembers: full || shown.some(isMember) || sent.some(isMember),
  }
}

/** A joined room as the answer has it; undefined when there is nothing to tell. */
export async function joinedRoom(context: RoomContext, wish: RoomWish): Promise<string | undefined> {
  const { deps, request } = context
  const { room } = wish
  const history = await historyOf(context, room, wish.span, wish.isNew, wish.fullState)
  const ephemeral = ephemeralOf(context, wish)
  const { filter } = request
  const accountData = wish.accountData.filter((event) => filter.room.accountData.matches(event))
  if (!history && ephemeral.length === 0 && accountData.length === 0 && !wish.touched) return undefined
  const parts = [history?.text ?? `"timeline":{"events":[],"limited":false,"prev_batch":"${wish.span.until}"},"state":{"events":[]}`]
  if (!history && request.useStateAfter) parts[0] = `"timeline":{"events":[],"limited":false,"prev_batch":"${wish.span.until}"},"state_after":{"events":[]}`
  parts.push(`"account_data":${eventList(accountData.map((event) => JSON.stringify({ type: event.type, content: event.content })))}`)
  parts.push(`"ephemeral":${eventList(ephemeral)}`)
  parts.push(await unreadOf(deps, request, room))
  if (history?.touchesMembers) parts.push(`"summary":${await summaryOf(deps.users, room, request.session.user)}`)
  return `{${parts.join(',')}}`
}

function ephemeralOf({ deps, request: { filter } }: RoomContext, wish: RoomWish): string[] {
  const wants = (type: string): boolean => filter.room.ephemeral.all || filter.room.ephemeral.matches({ type, content: {} })
  const events: string[] = []
  if (wish.typing && wants('m.typing')) {
    const userIds = deps.typing(wish.room.nid)
    if (!wish.isNew || userIds.length > 0) events.push(`{"type":"m.typing","content":${JSON.stringify({ user_ids: userIds })}}`)
  }
  if (wants('m.receipt')) for (const content of wish.receipts) events.push(`{"type":"m.receipt","content":${JSON.stringify(content)}}`)
  return events
}

const countsText = ({ notification, highlight }: Unread): string => `{"notification_count":${notification},"highlight_count":${highlight}}`

async function unreadOf(deps: SyncDeps, { filter, session }: SyncRequest, room: Room): Promise<string> {
  const { main, total, threads } = await deps.unread.counts(session.user, room)
  if (!filter.room.timeline.unreadThreadNotifications) return `"unread_notifications":${countsText(total)}`
  const byThread = [...threads].map(([root, unread]) => `${JSON.stringify(root)}:${countsText(unread)}`)
  return `"unread_notifications":${countsText(main)},"unread_thread_notifications":{${byThread.join(',')}}`
}

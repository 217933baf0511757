import type { JsonObject } from '../matrix/json.ts'
import type { Room } from '../events/index.ts'
import type { PlainEvent, RoomCounts, Unread } from './deps.ts'
import { eventList, historyOf, type RoomContext } from './history.ts'
import type { SyncRequest } from './request.ts'
import { speaksOf, type Span } from './room-window.ts'

/** One room of an answer, before it is written down. */
export interface RoomWish {
  readonly room: Room
  readonly span: Span
  /** As in HistoryWish. */
  readonly isNew: boolean
  readonly isReturn: boolean
  readonly fullState: boolean
  readonly accountData: readonly PlainEvent[]
  readonly receipts: readonly JsonObject[]
  /** Somebody began or stopped to type, or the client knows nothing of the room. */
  readonly typing: boolean
  /** Something else changed, such as a receipt of the user's own: counts are sent. */
  readonly touched: boolean
}

/** A joined room as the answer has it; undefined when there is nothing to tell. */
export async function joinedRoom(context: RoomContext, wish: RoomWish): Promise<string | undefined> {
  const { deps, request } = context
  const { room } = wish
  const history = await historyOf(context, { ...wish, summarised: true })
  const ephemeral = ephemeralOf(context, wish)
  const accountData = accountDataOf(context, room, wish.accountData)
  if (!history && ephemeral.length === 0 && accountData.length === 0 && !wish.touched) return undefined
  const parts = [
    history?.text ??
      `"timeline":{"events":[],"limited":false,"prev_batch":"${wish.span.until}"},"${request.useStateAfter ? 'state_after' : 'state'}":{"events":[]}`,
    `"account_data":${eventList(accountData)}`,
    `"ephemeral":${eventList(ephemeral)}`,
    unreadText(request, context.counts.get(room.nid) ?? (await deps.unread.counts(request.session.user, room))),
  ]
  if (history?.summary) parts.push(`"summary":${history.summary.text}`)
  return `{${parts.join(',')}}`
}

/** What the user keeps for the room, as JSON texts. */
export function accountDataOf(
  {
    request: {
      filter: {
        room: { accountData: filter },
      },
    },
  }: RoomContext,
  room: Room,
  events: readonly PlainEvent[],
): string[] {
  if (!speaksOf(filter, room)) return []
  return events.filter((event) => filter.matches(event)).map(({ type, content }) => JSON.stringify({ type, content }))
}

function ephemeralOf(
  {
    deps,
    request: {
      filter: {
        room: { ephemeral: filter },
      },
    },
  }: RoomContext,
  wish: RoomWish,
): string[] {
  const events: string[] = []
  if (!speaksOf(filter, wish.room)) return events
  const add = (type: string, content: JsonObject): void => {
    if (filter.matches({ type, content })) events.push(JSON.stringify({ type, content }))
  }
  if (wish.typing) {
    const userIds = deps.typing(wish.room.nid)
    if (!wish.isNew || userIds.length > 0) add('m.typing', { user_ids: [...userIds] })
  }
  for (const content of wish.receipts) add('m.receipt', content)
  return events
}

const countsText = ({ notification, highlight }: Unread): string =>
  `{"notification_count":${notification},"highlight_count":${highlight}}`

function unreadText({ filter }: SyncRequest, { main, total, threads }: RoomCounts): string {
  if (!filter.room.timeline.unreadThreadNotifications) return `"unread_notifications":${countsText(total)}`
  const byThread = [...threads].map(([root, unread]) => `${JSON.stringify(root)}:${countsText(unread)}`)
  return `"unread_notifications":${countsText(main)},"unread_thread_notifications":{${byThread.join(',')}}`
}

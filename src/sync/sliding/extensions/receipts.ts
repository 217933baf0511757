import type { JsonObject } from '../../../matrix/json.ts'
import { readReceiptsFor, type ReceiptRow } from '../store.ts'
import { bits, roomsFor, roomsText, type ExtensionAnswer, type ExtensionContext, type RoomSpan } from './extension.ts'

type Content = Record<string, Record<string, Record<string, JsonObject>>>

/** Rooms in one query. */
const atOnce = 100

/** How far others have read, and the user. Of a room that is new to the client: the user's own receipts, and those for the events shown. */
export async function receipts(context: ExtensionContext): Promise<ExtensionAnswer | undefined> {
  const { deps, session, request, until } = context
  const wish = request.extensions.receipts
  if (!wish?.enabled) return undefined
  const contents = new Map<string, JsonObject>()
  const unknown: RoomSpan[] = []
  /** Rooms by where the client is in them. */
  const spans = new Map<number, RoomSpan[]>()
  for (const room of roomsFor(context, wish, bits.receipts)) {
    if (room.from === undefined) unknown.push(room)
    else if (hasNews(context, room)) spans.set(room.from, [...(spans.get(room.from) ?? []), room])
  }
  for (const [from, rooms] of spans) {
    const found = await deps.receipts.since(
      session.user,
      rooms.map(({ nid }) => nid),
      from,
      until,
    )
    // One event is all that there is room for: it has the receipts that one content holds.
    for (const { nid, id } of rooms) for (const content of (found.get(nid) ?? []).slice(0, 1)) contents.set(id, content)
  }
  for (let start = 0; start < unknown.length; start += atOnce)
    await readUnknown(context, unknown.slice(start, start + atOnce), contents)
  const texts = new Map([...contents].map(([id, content]) => [id, JSON.stringify({ type: 'm.receipt', content })]))
  if (texts.size === 0) return undefined
  return { text: `"receipts":{${roomsText(texts)}}`, isNews: true }
}

function hasNews(
  {
    deps: {
      log: { tail },
    },
    until,
  }: ExtensionContext,
  { nid, from = 0 }: RoomSpan,
): boolean {
  if (!tail.covers(from)) return true
  return tail.lastOfRoom(nid) > from && tail.room(nid, from, until).some(({ kind }) => kind === 'receipt')
}

async function readUnknown(
  { deps, session, answered }: ExtensionContext,
  rooms: readonly RoomSpan[],
  contents: Map<string, JsonObject>,
): Promise<void> {
  const ids = new Map(rooms.map(({ nid, id }) => [nid, id]))
  const events = rooms.flatMap(({ nid }) => answered.shown.get(nid) ?? [])
  const rows = await readReceiptsFor(deps.database.read, session.user, [...ids.keys()], events)
  const names = await deps.users.namesOf(new Set(rows.map((row) => row.user_nid)))
  for (const row of rows) {
    const id = ids.get(row.room_nid)
    const userId = names.get(row.user_nid)
    if (id === undefined || userId === undefined) continue
    const content = (contents.get(id) as Content | undefined) ?? {} // only receipts are put there
    contents.set(id, withReceipt(content, userId, row))
  }
}

/** A content has one receipt of a user for an event: one that knows no threads says more than one of a thread. */
function withReceipt(content: Content, userId: string, { event_id: eventId, type, thread, ts }: ReceiptRow): Content {
  const byUser = ((content[eventId] ??= {})[type] ??= {})
  if (thread === '' || byUser[userId] === undefined)
    byUser[userId] = { ts, ...(thread !== '' && { thread_id: thread }) }
  return content
}

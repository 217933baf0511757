import type { ReceiptNews } from '../ephemeral/index.ts'
import type { JsonObject } from '../matrix/json.ts'
import type { Follower } from './deps.ts'
import type { Gathered } from './gather.ts'

interface Receipt extends ReceiptNews {
  readonly userId: string
}

/** Puts the receipts of a room into as few events as hold them: one cannot have two of one user for one event. */
function receiptEvents(roomId: string, receipts: readonly Receipt[]): JsonObject[] {
  const contents: Array<Record<string, Record<string, Record<string, JsonObject>>>> = []
  for (const { userId, type, thread, eventId, ts } of receipts) {
    let content = contents.find((one) => one[eventId]?.[type]?.[userId] === undefined)
    if (!content) contents.push((content = {}))
    const byUser = ((content[eventId] ??= {})[type] ??= {})
    byUser[userId] = { ts, ...(thread !== '' && { thread_id: thread }) }
  }
  return contents.map((content) => ({ type: 'm.receipt', room_id: roomId, content }))
}

/**
 * Typing, receipts and presence in the form of the client-server API, with the room that they are of.
 * @see https://spec.matrix.org/v1.19/application-service-api/#pushing-ephemeral-data
 */
export async function ephemeralEvents({ deps, interest }: Follower, gathered: Gathered): Promise<JsonObject[]> {
  const { rooms, users, typing, presence } = deps
  const events: JsonObject[] = []
  for (const nid of gathered.typing) {
    const room = await rooms.byNid(nid)
    if (room) events.push({ type: 'm.typing', room_id: room.id, content: { user_ids: [...typing.in(nid)] } })
  }
  for (const [nid, list] of gathered.receipts) {
    const room = await rooms.byNid(nid)
    const names = await users.namesOf(list.map(({ user }) => user))
    const receipts = list.map(({ user, news }): Receipt => ({ ...news, userId: names.get(user) ?? '' }))
    // A private receipt is for nobody but who made it.
    if (room)
      events.push(
        ...receiptEvents(
          room.id,
          receipts.filter(({ type, userId }) => type === 'm.read' || interest.isOwn(userId)),
        ),
      )
  }
  for (const user of gathered.presence)
    events.push({ type: 'm.presence', sender: await users.nameOf(user), content: await presence.of(user) })
  return events
}

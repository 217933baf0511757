import { strip, strippedState, strippedTypes } from '../matrix/stripped-state.ts'
import type { RoomEvent } from '../matrix/event.ts'
import type { JsonObject } from '../matrix/json.ts'
import type { Room, StoredEvent } from '../events/index.ts'
import type { PlainEvent, SyncDeps } from './deps.ts'
import { eventTexts } from './event-texts.ts'
import { eventList, historyOf, type RoomContext } from './history.ts'
import { accountDataOf } from './joined-room.ts'
import { membershipIn, type Standing } from './standing.ts'

/** A room that one is invited to, or knocks at, as the answer has it. Undefined: the inviter is ignored. */
export async function strippedRoom({ deps, ignored }: RoomContext, own: StoredEvent): Promise<string | undefined> {
  const isInvite = membershipIn(own) === 'invite'
  if (isInvite && ignored.has(own.event.sender)) return undefined
  return `{"${isInvite ? 'invite_state' : 'knock_state'}":${eventList(await strippedEvents(deps, own))}}`
}

/** What somebody who is not in a room is told of it, as JSON texts: as of their own member event, which is the last one. */
export async function strippedEvents(deps: Pick<SyncDeps, 'rooms'>, own: StoredEvent): Promise<string[]> {
  const ownText = JSON.stringify(strip({ ...own.event, stateKey: own.event.stateKey ?? '' }))
  const { unsigned = {} } = own.event.pdu as { unsigned?: JsonObject }
  const told = unsigned['invite_room_state'] ?? unsigned['knock_room_state']
  // Nobody of this server was in the room: what a server that is in it has told is all there is.
  if (own.stateBefore === null && Array.isArray(told)) return [...told.map((event) => JSON.stringify(event)), ownText]
  const state = new Map<string, RoomEvent>()
  // As of the invitation: what happens in the room later is not for those who are not in it.
  for (const type of strippedTypes) {
    const stored = await deps.rooms.stateEventBefore(own, type, '')
    if (stored) state.set(type, stored.event)
  }
  const inviter = await deps.rooms.stateEventBefore(own, 'm.room.member', own.event.sender)
  const others = inviter && inviter.nid !== own.nid && own.event.sender !== own.event.stateKey ? [inviter.event] : []
  const events = strippedState((type) => state.get(type), ...others).map((event) => JSON.stringify(event))
  // The user's own event comes whole in its content: clients read `is_direct` and the reason from it.
  events.push(ownText)
  return events
}

/** A room that the user is no longer in, up to where the stay ended, and the own member event if that is a later one. */
export async function leftRoom(
  context: RoomContext,
  room: Room,
  { own, stay }: Standing,
  since: number,
  accountData: readonly PlainEvent[],
): Promise<string | undefined> {
  const end = stay?.end
  if (!stay || !end) return leftWithoutHistory(context, own)
  const history = await historyOf(context, {
    room,
    span: { since, until: end.position },
    isNew: stay.isNew,
    isReturn: stay.isReturn,
    fullState: false,
    summarised: false,
    afterwards: end.nid === own.nid ? undefined : own,
  })
  return history && `{${history.text},"account_data":${eventList(accountDataOf(context, room, accountData))}}`
}

/** Somebody who has not been in the room, or has forgotten it, learns of the own member event, and of nothing else. */
export async function leftWithoutHistory(context: RoomContext, own: StoredEvent): Promise<string> {
  const texts = await eventTexts(context, [own])
  const { useStateAfter } = context.request
  return (
    `{"timeline":{"events":[${texts.join(',')}],"limited":false,"prev_batch":"${own.position - 1}"},` +
    `"${useStateAfter ? 'state_after' : 'state'}":${eventList(useStateAfter ? texts : [])},"account_data":{"events":[]}}`
  )
}

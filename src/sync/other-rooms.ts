import { strip, strippedState } from '../matrix/stripped-state.ts'
import type { RoomEvent } from '../matrix/event.ts'
import type { Room, StoredEvent, UserRoom } from '../rooms/index.ts'
import type { SyncDeps } from './deps.ts'
import { eventList, historyOf, type RoomContext } from './joined-room.ts'
import type { Span } from './room-window.ts'

/** A room that one is invited to, or knocks at, as the answer has it. */
export async function strippedRoom({ deps, ignored }: RoomContext, member: UserRoom): Promise<string | undefined> {
  const own = await deps.rooms.events.get(member.event)
  if (!own || (member.membership === 'invite' && ignored.has(own.event.sender))) return undefined
  return `{"${member.membership === 'invite' ? 'invite_state' : 'knock_state'}":${eventList(await strippedEvents(deps, own))}}`
}

/** What somebody who is not in a room is told of it, as JSON texts: as of their own member event, which is the last one. */
export async function strippedEvents(deps: Pick<SyncDeps, 'rooms'>, own: StoredEvent): Promise<string[]> {
  const state = new Map<string, RoomEvent>()
  // As of the invitation: what happens in the room later is not for those who are not in it.
  for (const type of ['m.room.create', 'm.room.name', 'm.room.avatar', 'm.room.topic', 'm.room.join_rules', 'm.room.canonical_alias', 'm.room.encryption']) {
    const stored = await deps.rooms.stateEventBefore(own, type, '')
    if (stored) state.set(type, stored.event)
  }
  const inviter = await deps.rooms.stateEventBefore(own, 'm.room.member', own.event.sender)
  const others = inviter && inviter.nid !== own.nid && own.event.sender !== own.event.stateKey ? [inviter.event] : []
  const events = strippedState((type) => state.get(type), ...others).map((event) => JSON.stringify(event))
  // The user's own event comes whole in its content: clients read `is_direct` and the reason from it.
  events.push(JSON.stringify(strip({ ...own.event, stateKey: own.event.stateKey ?? '' })))
  return events
}

/** A room that the user is no longer in, up to where the user left it. */
export async function leftRoom(context: RoomContext, room: Room, member: UserRoom, span: Span, wasJoined: boolean, isNew: boolean): Promise<string | undefined> {
  const until = Math.min(span.until, member.position)
  if (!wasJoined) return leftWithoutHistory(context, member)
  const history = await historyOf(context, room, { since: span.since, until }, isNew, context.request.fullState)
  return history && `{${history.text},"account_data":{"events":[]}}`
}

/** Somebody who never was in the room learns of the own member event, and of nothing else. */
async function leftWithoutHistory({ deps, request, now }: RoomContext, member: UserRoom): Promise<string | undefined> {
  const own: StoredEvent | undefined = await deps.rooms.events.get(member.event)
  if (!own) return undefined
  const { session, useStateAfter } = request
  const texts = await deps.serialise([own], { session, device: session.device, now, withRoomId: false })
  const state = useStateAfter ? texts : []
  return `{"timeline":{"events":[${texts.join(',')}],"limited":false,"prev_batch":"${own.position - 1}"},`
    + `"${useStateAfter ? 'state_after' : 'state'}":${eventList(state)},"account_data":{"events":[]}}`
}

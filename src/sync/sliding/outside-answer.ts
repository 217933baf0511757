import type { UserRoom } from '../../events/index.ts'
import { strippedEvents } from '../other-rooms.ts'
import type { RoomContext } from './room-task.ts'

/** A room that the user is invited to, or knocks at. */
export async function strippedAnswer(
  { deps, directs }: RoomContext,
  roomId: string,
  member: UserRoom,
): Promise<string | undefined> {
  const own = await deps.rooms.events.get(member.event)
  if (!own) return undefined
  const isDm = directs.roomIds.has(roomId) ? ',"is_dm":true' : ''
  return `{"bump_stamp":${member.position},"initial":true${isDm},"invite_state":[${(await strippedEvents(deps, own)).join(',')}]}`
}

/** A room that the user was never in, and is not invited to or knocking at any more: nothing but their own member event. */
export async function farewellAnswer(
  { deps, session, now }: RoomContext,
  member: UserRoom,
): Promise<string | undefined> {
  const own = await deps.rooms.events.get(member.event)
  if (!own) return undefined
  const [text] = await deps.serialise([own], { session, device: session.device, now, withRoomId: false, lean: true })
  return `{"bump_stamp":${member.position},"required_state":[${text}],"timeline":[${text}],"limited":false,"prev_batch":"${own.position - 1}","num_live":1}`
}

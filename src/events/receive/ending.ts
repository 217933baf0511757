import { serverOf } from '../../matrix/ids.ts'
import { membershipIn, type Room } from '../room.ts'
import type { ReceiveDeps } from './deps.ts'
import { readSigned } from './foundations.ts'
import { storeOutside } from './outside.ts'
import type { Incoming } from './pdu.ts'

/**
 * Takes the end of an invitation, or of a knock, of somebody here in a room that nobody of this server is in. Of the room too little is
 * known to judge it: so it must name the event that it ends, come from a server that has that event and speaks for its own user, and an
 * invitation ends by the server that it came from.
 * @returns false when the event is nothing of the kind
 */
export async function takeEnding(
  deps: ReceiveDeps,
  room: Room,
  { event, json }: Incoming,
  origin: string,
): Promise<boolean> {
  const { type, stateKey, sender, authEvents } = event
  const membership = membershipIn(event)
  if (type !== 'm.room.member' || stateKey === undefined || serverOf(stateKey) !== deps.serverName) return false
  if ((membership !== 'leave' && membership !== 'ban') || serverOf(sender) !== origin) return false
  const standing = room.members.get(await deps.users.intern(stateKey))
  const ended = standing && (await deps.events.get(standing.event))
  if (!ended || !authEvents.includes(ended.event.id)) return false
  const isInviters = standing.membership === 'invite' && serverOf(ended.event.sender) === origin
  if (!isInviters && standing.membership !== 'knock') return false
  const [incoming] = await readSigned(deps, room, [event.pdu])
  if (!incoming) return false
  await storeOutside(deps, { roomId: room.id, version: room.version, incoming: { event, json }, unsigned: {} })
  return true
}

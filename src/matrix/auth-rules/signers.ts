import type { RoomEvent } from '../event.ts'
import { serverOf } from '../ids.ts'
import { own } from '../json.ts'
import type { RoomVersion } from '../room-version.ts'

/**
 * The servers that must have signed the event, each once: the sender's (except for an invite that redeems a third-party
 * invite, which another server may send on), in v1 and v2 that of the event id, and for a membership event that
 * says who vouched for it, that user's.
 * @see https://spec.matrix.org/v1.19/server-server-api/#validating-hashes-and-signatures-on-received-events
 */
export const requiredSigners = (event: RoomEvent, version: RoomVersion): string[] => {
  const isMember = event.type === 'm.room.member'
  const redeemsInvite =
    isMember && own(event.content, 'membership') === 'invite' && own(event.content, 'third_party_invite') !== undefined
  const servers = new Set<string>()
  if (!redeemsInvite) servers.add(serverOf(event.sender))
  if (version.eventFormat === 'v1') servers.add(serverOf(event.id))
  const authoriser =
    isMember && version.restrictedJoins ? own(event.content, 'join_authorised_via_users_server') : undefined
  // What is no user id names no server and no server can sign for it: '' is in nobody's signatures.
  if (authoriser !== undefined) servers.add(typeof authoriser === 'string' ? serverOf(authoriser) : '')
  return [...servers]
}

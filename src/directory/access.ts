import { findRoomVersion } from '../matrix/room-version.ts'
import { allowedRooms } from '../matrix/state-values.ts'
import type { Rooms, UserRoom } from '../events/index.ts'
import type { RoomsTable } from '../storage/index.ts'

/** The rooms whose members may join a restricted room; empty for other rooms. */
export async function allowedRoomsOf(rooms: Rooms, row: RoomsTable): Promise<string[]> {
  if (row.join_rule !== 'restricted' && row.join_rule !== 'knock_restricted') return []
  const room = await rooms.byNid(row.nid)
  const stored = room && (await rooms.stateEvent(room, 'm.room.join_rules', ''))
  return stored ? allowedRooms(stored.event.content) : []
}

/**
 * Whether a user may know that a room is there, and what lists show of it: who is in it or invited, who may join or knock, and
 * everyone where its history is open to the world.
 * @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidhierarchy
 */
export async function mayGlimpse(
  rooms: Rooms,
  memberships: ReadonlyMap<number, UserRoom>,
  row: RoomsTable,
): Promise<boolean> {
  const membership = memberships.get(row.nid)?.membership
  if (membership === 'ban') return false
  if (membership === 'join' || membership === 'invite' || row.history_visibility === 'world_readable') return true
  const version = findRoomVersion(row.version)
  switch (row.join_rule) {
    case 'public':
      return true
    case 'knock':
      return version?.knock ?? false
    case 'knock_restricted':
      return version?.knockRestricted ?? false
    case 'restricted':
      return (version?.restrictedJoins ?? false) && isInOneOf(rooms, memberships, await allowedRoomsOf(rooms, row))
    default:
      return false
  }
}

async function isInOneOf(
  rooms: Rooms,
  memberships: ReadonlyMap<number, UserRoom>,
  roomIds: readonly string[],
): Promise<boolean> {
  for (const roomId of roomIds) {
    const room = await rooms.find(roomId)
    if (room && memberships.get(room.nid)?.membership === 'join') return true
  }
  return false
}

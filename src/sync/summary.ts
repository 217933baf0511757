import type { Room } from '../rooms/index.ts'
import type { Users } from '../users/index.ts'

const mostHeroes = 5

/**
 * Counts of members, and for a room without a name those that a client names it after.
 * @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3sync_response-200_roomsummary
 */
export async function summaryOf(users: Users, room: Room, reader: number): Promise<string> {
  const counts = `"m.joined_member_count":${room.joined.size},"m.invited_member_count":${room.invited}`
  if (room.summary.name !== null || room.summary.canonicalAlias !== null) return `{${counts}}`
  const names = await users.namesOf(heroesOf(room, reader))
  return `{"m.heroes":${JSON.stringify([...names.values()])},${counts}}`
}

/** Those whom a room without a name is named after: who is there or invited, and else who ever was. */
export function heroesOf(room: Room, reader: number): number[] {
  const heroes = membersOf(room, reader, (membership) => membership === 'join' || membership === 'invite')
  return heroes.length > 0 ? heroes : membersOf(room, reader, () => true)
}

function membersOf(room: Room, reader: number, counts: (membership: string) => boolean): number[] {
  const heroes: number[] = []
  for (const [nid, { membership }] of room.members) {
    if (nid === reader || !counts(membership)) continue
    heroes.push(nid)
    if (heroes.length === mostHeroes) break
  }
  return heroes
}

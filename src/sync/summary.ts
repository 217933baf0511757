import type { Member, Room } from '../events/index.ts'
import type { Users } from '../users/index.ts'

const mostHeroes = 5

/** A room's summary, as JSON text. */
export interface Summary {
  readonly text: string
  /** User ids of those that the room is named after. */
  readonly heroes: readonly string[]
}

/**
 * Counts of members, and for a room without a name those that a client names it after.
 * @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3sync_response-200_roomsummary
 */
export async function summaryOf(users: Pick<Users, 'namesOf'>, room: Room, reader: number): Promise<Summary> {
  const counts = `"m.joined_member_count":${room.joined.size},"m.invited_member_count":${room.invited}`
  if (room.summary.name !== null || room.summary.canonicalAlias !== null) return { text: `{${counts}}`, heroes: [] }
  const nids = heroesOf(room, reader)
  const names = await users.namesOf(nids)
  const heroes = nids.flatMap((nid) => names.get(nid) ?? [])
  return { text: `{"m.heroes":${JSON.stringify(heroes)},${counts}}`, heroes }
}

/** Those whom a room without a name is named after: who is there or invited, and else who ever was. The same for every reader. */
export function heroesOf(room: Room, reader: number): number[] {
  const heroes = membersOf(room, reader, ({ membership }) => membership === 'join' || membership === 'invite')
  return heroes.length > 0 ? heroes : membersOf(room, reader, () => true)
}

/** The members whose events are the oldest, so that they stay the same after a restart. */
function membersOf(room: Room, reader: number, counts: (member: Member) => boolean): number[] {
  const oldest: Array<{ readonly nid: number; readonly event: number }> = []
  for (const [nid, member] of room.members) {
    const last = oldest[mostHeroes - 1]
    if (nid === reader || !counts(member) || (last && last.event < member.event)) continue
    const place = oldest.findIndex((other) => other.event > member.event)
    oldest.splice(place === -1 ? oldest.length : place, 0, { nid, event: member.event })
    if (oldest.length > mostHeroes) oldest.pop()
  }
  return oldest.map(({ nid }) => nid)
}

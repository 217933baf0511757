import type { JsonObject } from '../matrix/json.ts'
import type { ProfileChange, Users } from '../users/index.ts'
import type { Rooms } from '../events/index.ts'

/** What a member event says of its target besides the membership. */
export interface Profiles {
  memberFields(userId: string): Promise<JsonObject>
}

export function createProfiles(users: Users): Profiles {
  return {
    memberFields: async (userId) => {
      const nid = users.peekNid(userId) ?? (await users.intern(userId))
      const account = await users.account(nid)
      return {
        ...(account?.displayName && { displayname: account.displayName }),
        ...(account?.avatarUrl && { avatar_url: account.avatarUrl }),
      }
    },
  }
}

/**
 * Carries a new display name or avatar into the member events of all rooms that the user is joined to.
 * @param onError is told of rooms that do not take it: the profile has changed all the same
 * @see https://spec.matrix.org/v1.19/client-server-api/#events-on-change-of-profile-information
 */
export async function spreadProfile(
  rooms: Rooms,
  change: ProfileChange,
  onError: (error: unknown) => void,
): Promise<void> {
  const who = { nid: change.user, userId: change.userId }
  for (const [nid, { membership }] of await rooms.of(change.user)) {
    if (membership !== 'join') continue
    try {
      const room = await rooms.byNid(nid)
      const member = room && (await rooms.stateEvent(room, 'm.room.member', change.userId))
      if (!room || !member) continue
      const content = {
        membership: 'join',
        ...(change.displayName !== null && { displayname: change.displayName }),
        ...(change.avatarUrl !== null && { avatar_url: change.avatarUrl }),
      }
      await rooms.append(room, [{ type: 'm.room.member', stateKey: change.userId, sender: who, content }])
    } catch (error) {
      onError(error)
    }
  }
}

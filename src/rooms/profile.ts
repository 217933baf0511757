import type { JsonObject } from '../matrix/json.ts'
import type { Users } from '../users/index.ts'

/** What a member event says of its target besides the membership. */
export interface Profiles {
  memberFields(userId: string): Promise<JsonObject>
}

export function createProfiles(users: Users): Profiles {
  return {
    memberFields: async (userId) => {
      const nid = users.peekNid(userId) ?? await users.intern(userId)
      const account = await users.account(nid)
      return {
        ...(account?.displayName && { displayname: account.displayName }),
        ...(account?.avatarUrl && { avatar_url: account.avatarUrl }),
      }
    },
  }
}

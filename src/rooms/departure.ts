import type { Account } from '../users/index.ts'
import { leave, type MembershipDeps } from './membership.ts'

/** Takes an account that was deactivated out of every room that it is in, invited to, or knocking at. */
export async function departFromAll(
  deps: MembershipDeps,
  account: Account,
  onError: (error: unknown) => void,
): Promise<void> {
  const who = { nid: account.nid, userId: account.userId }
  for (const [nid, { membership }] of await deps.rooms.of(account.nid)) {
    if (membership === 'leave' || membership === 'ban') continue
    try {
      const room = await deps.rooms.byNid(nid)
      if (room) await leave(deps, who, room)
    } catch (error) {
      // Somebody else may have seen to it meanwhile.
      const now = (await deps.rooms.byNid(nid))?.members.get(account.nid)?.membership
      if (now !== undefined && now !== 'leave' && now !== 'ban') onError(error)
    }
  }
}

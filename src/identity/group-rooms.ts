import type { IdentityParts } from './deps.ts'
import { groupsIn } from './groups.ts'
import type { Identity } from './identity.ts'
import type { GroupRoom, Policy } from './policy.ts'
import type { LocalUser } from './ports.ts'
import { type GroupRow, readGroupRooms, removeGroupRoom, saveGroupRoom } from './store/group-rooms.ts'

/** What following groups takes. */
export type GroupDeps = Pick<IdentityParts, 'database' | 'people' | 'logger'>

/**
 * Brings somebody into the rooms of the groups they are in, and out of those of groups they are not in any more. Only what was done
 * for a group is undone: whoever was in a room before, or was given more power by hand, keeps it.
 */
export const applyGroups = async (
  deps: GroupDeps,
  policy: Policy,
  identity: Identity,
  user: LocalUser,
): Promise<void> => {
  const { people, logger } = deps
  if (!policy.groups || !people) return
  const wanted = groupsIn(policy.groups, identity.claims)
  const before = await readGroupRooms(deps.database.read, user.nid, policy.people)
  const entered = new Set<string>()
  const enter = async ({ room, group, power, leave }: GroupRoom): Promise<void> => {
    const roomId = await people.enterRoom(user, room, {
      give: power ?? null,
      given: before.find((row) => row.named === room || row.roomId === room)?.power ?? null,
    })
    if (roomId === undefined) {
      logger.warn(
        { provider: identity.provider, group, room, user: user.userId },
        'somebody cannot be brought into the room of their group: it is not there, or nobody in it may invite',
      )
      return
    }
    entered.add(roomId)
    await deps.database.write((tx) =>
      saveGroupRoom(tx, { user: user.nid, provider: policy.people, roomId, named: room, power: power ?? null, leave }),
    )
  }
  for (const one of wanted) await enter(one)
  // What could not be looked up now stays as it is.
  const gone = before.filter((row) => !entered.has(row.roomId) && !wanted.some(({ room }) => room === row.named))
  for (const row of gone) await undo(deps, policy, user, row)
}

const undo = async (
  deps: GroupDeps,
  policy: Policy,
  user: LocalUser,
  { roomId, power, leave }: GroupRow,
): Promise<void> => {
  if (!deps.people) return
  await deps.people.leaveRoom(user, roomId, { given: power, out: leave })
  await deps.database.write((tx) => removeGroupRoom(tx, user.nid, policy.people, roomId))
}

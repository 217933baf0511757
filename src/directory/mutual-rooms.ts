import { MatrixError } from '../matrix/errors.ts'
import { isUserId } from '../matrix/ids.ts'
import type { Rooms } from '../events/index.ts'
import type { Users } from '../users/index.ts'

export interface MutualRooms {
  readonly joined: string[]
  readonly count: number
  readonly next: string | undefined
}

const atOnce = 500

/**
 * A page of the rooms that two users are both joined to.
 * @param from what an earlier page gave as `next`
 * @throws MatrixError M_INVALID_PARAM for oneself, for what is no user id, and for a wrong token
 */
export async function mutualRooms(
  { rooms, users }: { rooms: Rooms; users: Users },
  viewer: { user: number; userId: string },
  userId: string,
  from: string | undefined,
): Promise<MutualRooms> {
  if (!isUserId(userId)) throw new MatrixError('M_INVALID_PARAM', `"${userId}" is not a user id`)
  if (userId === viewer.userId)
    throw new MatrixError('M_INVALID_PARAM', 'With yourself you share every room that you are in')
  if (from !== undefined && !/^\d{1,15}$/.test(from))
    throw new MatrixError('M_INVALID_PARAM', 'This is not a token of this list: leave it out to begin anew')
  const other = await users.find(userId)
  if (other === undefined) return { joined: [], count: 0, next: undefined }
  const theirs = await rooms.of(other)
  const shared = [...(await rooms.of(viewer.user))]
    .filter(([nid, { membership }]) => membership === 'join' && theirs.get(nid)?.membership === 'join')
    .map(([nid]) => nid)
    .toSorted((a, b) => a - b)
  const left = shared.filter((nid) => nid > Number(from ?? 0))
  const page = left.slice(0, atOnce)
  const found = await Promise.all(page.map((nid) => rooms.byNid(nid)))
  return {
    joined: found.flatMap((room) => (room ? [room.id] : [])),
    count: shared.length,
    next: left.length > page.length ? String(page.at(-1)) : undefined,
  }
}

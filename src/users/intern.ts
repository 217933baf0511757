import { MatrixError } from '../matrix/errors.ts'
import { isUserId } from '../matrix/ids.ts'
import type { Database, Tx } from '../storage/index.ts'
import { internUser, readName, readNames, readNid } from './store/users.ts'

/** Short ids for user ids, one for every user that was ever seen, and back. */
export interface UserNames {
  /** The user's short id, given out now if there is none yet. @throws MatrixError M_INVALID_PARAM for what is no user id */
  intern(userId: string): Promise<number>
  /** The same inside a write. It is remembered only once somebody reads it after the commit. */
  internIn(tx: Tx, userId: string): Promise<number>
  /** The user's short id; undefined for a user who was never seen, and for what is no user id. */
  find(userId: string): Promise<number | undefined>
  /** From memory alone. */
  peekNid(userId: string): number | undefined
  /** From memory alone. */
  peekName(nid: number): string | undefined
  /** Throws for a short id that was never given out. */
  nameOf(nid: number): Promise<string>
  /** Short id to user id. */
  namesOf(nids: Iterable<number>): Promise<Map<number, string>>
}

/** Well below what either database allows in one statement. */
const atOnce = 500

export function openNames(database: Database): UserNames {
  const nids = database.memory.cache<string, number>({ name: 'user ids', weigh: (_, userId) => 2 * userId.length })
  const names = database.memory.cache<number, string>({ name: 'user names', weigh: (userId) => 2 * userId.length })
  const interning = new Map<string, Promise<number>>()

  const remember = (nid: number, userId: string): void => {
    nids.set(userId, nid)
    names.set(nid, userId)
  }

  const find = async (userId: string): Promise<number | undefined> => {
    const known = nids.get(userId)
    if (known !== undefined) return known
    if (!isUserId(userId)) return undefined
    const nid = await readNid(database.read, userId)
    if (nid !== undefined) remember(nid, userId)
    return nid
  }

  const internIn = async (tx: Tx, userId: string): Promise<number> => {
    const known = nids.get(userId)
    if (known !== undefined) return known
    if (!isUserId(userId)) throw new MatrixError('M_INVALID_PARAM', 'This is not a user id')
    return internUser(tx, userId)
  }

  const add = async (userId: string): Promise<number> => {
    const found = await find(userId)
    if (found !== undefined) return found
    const nid = await database.write((tx) => internIn(tx, userId))
    remember(nid, userId)
    return nid
  }

  return {
    find,
    intern: (userId) => {
      const known = nids.get(userId)
      if (known !== undefined) return Promise.resolve(known)
      let promise = interning.get(userId)
      if (!promise) {
        promise = add(userId).finally(() => interning.delete(userId))
        interning.set(userId, promise)
      }
      return promise
    },
    internIn,
    peekNid: (userId) => nids.get(userId),
    peekName: (nid) => names.get(nid),
    nameOf: async (nid) => {
      const known = names.get(nid)
      if (known !== undefined) return known
      const userId = await readName(database.read, nid)
      if (userId === undefined) throw new Error(`No user has the short id ${nid}`)
      remember(nid, userId)
      return userId
    },
    namesOf: async (wanted) => {
      const found = new Map<number, string>()
      const missing = new Set<number>()
      for (const nid of wanted) {
        const known = names.get(nid)
        if (known === undefined) missing.add(nid)
        else found.set(nid, known)
      }
      const list = [...missing]
      for (let start = 0; start < list.length; start += atOnce) {
        for (const row of await readNames(database.read, list.slice(start, start + atOnce))) {
          remember(row.nid, row.user_id)
          found.set(row.nid, row.user_id)
        }
      }
      return found
    },
  }
}

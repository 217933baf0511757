import type { Database, Tx } from '../../storage/index.ts'
import { addRevocation, deleteExpiredRevocations, type Mark, readRevocations, type Revocation } from './store.ts'

/** Which tokens of providers are good no more. In memory, as every request may ask. */
export interface Revocations {
  /**
   * Whether a token with one of these marks, issued then (ms), is revoked. Of a user or device it is if it was issued before; a token
   * that does not say when it was issued counts as old.
   */
  covers(marks: readonly Mark[], issued: number | undefined): boolean
  /** Revokes, inside a write; it holds from then on, even if the write should fail. */
  add(tx: Tx, revocation: Omit<Revocation, 'revoked'>): Promise<void>
  readonly size: number
}

const keyOf = ({ provider, kind, value }: Mark): string => JSON.stringify([provider, kind, value])
const ofOlderOnly: ReadonlySet<string> = new Set(['sub', 'sidless', 'device'])

/** Opens what was revoked so far. Marks of which it is known when their tokens run out are forgotten then. */
export const openRevocations = async (database: Database, now: () => number): Promise<Revocations> => {
  const known = new Map<string, Revocation>()
  await database.write((tx) => deleteExpiredRevocations(tx, now()))
  for (const revocation of await readRevocations(database.read)) known.set(keyOf(revocation), revocation)
  return {
    covers: (marks, issued) =>
      known.size > 0 &&
      marks.some((mark) => {
        const found = known.get(keyOf(mark))
        return found !== undefined && (!ofOlderOnly.has(found.kind) || issued === undefined || issued <= found.revoked)
      }),
    add: async (tx, wanted) => {
      const revocation = { ...wanted, revoked: now() }
      known.set(keyOf(revocation), revocation)
      await addRevocation(tx, revocation)
      await deleteExpiredRevocations(tx, now())
      for (const [key, { expires }] of known) if (expires !== null && expires <= now()) known.delete(key)
    },
    get size() {
      return known.size
    },
  }
}

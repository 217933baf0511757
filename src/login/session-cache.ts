import type { Session } from '../http/index.ts'

interface Held { session: Session; expires: number }

/** The sessions of tokens seen lately, by the hash of the token. */
export interface SessionCache {
  /** The session, if it is held and has not run out at `now` (ms). */
  get(tokenHash: string, now: number): Session | undefined
  /**
   * Counts what was taken out so far. Whoever fills the cache from a slow read compares it before and after: if it has moved,
   * what was read may have been revoked in between.
   */
  readonly revocations: number
  /** @param expires ms, or null for a token that does not run out */
  put(tokenHash: string, session: Session, expires: number | null): void
  /** Takes out the sessions of the user, or those among them that `which` says. */
  revoke(user: number, which?: (session: Session) => boolean): void
  readonly size: number
}

/** A cache of at most `max` sessions; the one not asked for longest goes first. */
export const createSessionCache = (max: number): SessionCache => {
  const held = new Map<string, Held>()
  const byUser = new Map<number, Set<string>>()
  let revocations = 0
  const remove = (hash: string, user: number): void => {
    held.delete(hash)
    const hashes = byUser.get(user)
    hashes?.delete(hash)
    if (hashes?.size === 0) byUser.delete(user)
  }
  return {
    get: (hash, now) => {
      const found = held.get(hash)
      if (!found) return undefined
      if (found.expires <= now) {
        remove(hash, found.session.user)
        return undefined
      }
      // Back to the end of the Map's order. While there is room nobody is going to be put out, and the order is of no account.
      if (held.size > max / 2) {
        held.delete(hash)
        held.set(hash, found)
      }
      return found.session
    },
    get revocations() {
      return revocations
    },
    put: (hash, session, expires) => {
      held.set(hash, { session, expires: expires ?? Infinity })
      const hashes = byUser.get(session.user)
      if (hashes) hashes.add(hash)
      else byUser.set(session.user, new Set([hash]))
      if (held.size <= max) return
      const [oldest] = held
      if (oldest) remove(oldest[0], oldest[1].session.user)
    },
    revoke: (user, which) => {
      revocations++
      for (const hash of byUser.get(user) ?? []) {
        const session = held.get(hash)?.session
        if (session && (!which || which(session))) remove(hash, user)
      }
    },
    get size() {
      return held.size
    },
  }
}

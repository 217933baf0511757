import type { Session } from '../http/index.ts'

interface Held { session: Session; expires: number }

/** The sessions of tokens seen lately, by the hash of the token. */
export interface SessionCache {
  /** The session, if it is held and has not run out at `now` (ms). */
  get(tokenHash: string, now: number): Session | undefined
  /**
   * Counts how often something was taken out. Whoever fills the cache from a slow read compares it before and after: if it has
   * moved, what was read may have been revoked in between.
   */
  readonly revocations: number
  /** @param expires ms, or null for a token that does not run out */
  put(tokenHash: string, session: Session, expires: number | null): void
  /** Takes out the sessions of the user, or those among them that `which` says. */
  revoke(user: number, which?: (session: Session) => boolean): void
  revokeDevices(devices: readonly number[]): void
  readonly size: number
}

/** Which tokens belong to a user, or to a device. */
class Index {
  readonly #hashes = new Map<number, Set<string>>()

  add(key: number, hash: string): void {
    const hashes = this.#hashes.get(key)
    if (hashes) hashes.add(hash)
    else this.#hashes.set(key, new Set([hash]))
  }

  remove(key: number, hash: string): void {
    const hashes = this.#hashes.get(key)
    hashes?.delete(hash)
    if (hashes?.size === 0) this.#hashes.delete(key)
  }

  of(key: number): string[] {
    return [...this.#hashes.get(key) ?? []]
  }
}

/** A cache of at most `max` sessions; the one not asked for longest goes first. */
export const createSessionCache = (max: number): SessionCache => {
  const held = new Map<string, Held>()
  const [byUser, byDevice] = [new Index(), new Index()]
  let revocations = 0
  const remove = (hash: string, { user, device }: Session): void => {
    held.delete(hash)
    byUser.remove(user, hash)
    if (device !== null) byDevice.remove(device, hash)
  }
  const removeAll = (hashes: readonly string[], which?: (session: Session) => boolean): void => {
    for (const hash of hashes) {
      const session = held.get(hash)?.session
      if (session && (!which || which(session))) remove(hash, session)
    }
  }
  return {
    get: (hash, now) => {
      const found = held.get(hash)
      if (!found) return undefined
      if (found.expires <= now) {
        remove(hash, found.session)
        return undefined
      }
      // To the end of the Map's order. While there is room nobody is going to be put out, and the order is of no account.
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
      byUser.add(session.user, hash)
      if (session.device !== null) byDevice.add(session.device, hash)
      if (held.size <= max) return
      const [oldest] = held
      if (oldest) remove(oldest[0], oldest[1].session)
    },
    revoke: (user, which) => {
      revocations++
      removeAll(byUser.of(user), which)
    },
    revokeDevices: (devices) => {
      revocations++
      for (const device of devices) removeAll(byDevice.of(device))
    },
    get size() {
      return held.size
    },
  }
}

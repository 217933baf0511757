import type { MayHaveEnded, Session } from '../http/index.ts'
import type { Memory } from '../storage/index.ts'

interface Held {
  session: Session
  expires: number
}

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
  /** Takes out whatever `which` says; looks at all that are held. */
  revokeAll(which: (session: Session) => boolean): void
  /** Takes out the session of a token that a newer one of the same session has taken the place of: requests that it has begun go on. */
  supersede(user: number, tokenId: number): void
  /** Calls `listener` with sessions that were taken out, whether or not they were held. */
  onRevoke(listener: (ended: MayHaveEnded) => void): void
  readonly size: number
}

/** Hashes of tokens by user or device. */
const createIndex = () => {
  const hashes = new Map<number, Set<string>>()
  return {
    add: (key: number, hash: string): void => {
      const known = hashes.get(key)
      if (known) known.add(hash)
      else hashes.set(key, new Set([hash]))
    },
    remove: (key: number, hash: string): void => {
      const known = hashes.get(key)
      known?.delete(hash)
      if (known?.size === 0) hashes.delete(key)
    },
    of: (key: number): string[] => [...(hashes.get(key) ?? [])],
  }
}

/** In memory, of a session and its places in the indexes. */
const sessionBytes = 1200

/** Sessions that were asked for last; every request asks here, mostly for the same few tokens. */
export const createSessionCache = (memory: Memory): SessionCache => {
  const [byUser, byDevice] = [createIndex(), createIndex()]
  const sessions = memory.cache<string, Held>({
    name: 'sessions',
    weigh: sessionBytes,
    dispose: ({ session: { user, device } }, hash) => {
      byUser.remove(user, hash)
      if (device !== null) byDevice.remove(device, hash)
    },
  })
  let revocations = 0
  const listeners: ((ended: MayHaveEnded) => void)[] = []
  const tell = (ended: MayHaveEnded): void => {
    for (const listener of listeners) listener(ended)
  }
  const removeAll = (hashes: readonly string[], which?: (session: Session) => boolean): void => {
    for (const hash of hashes) {
      const held = sessions.peek(hash)
      if (held && (!which || which(held.session))) sessions.delete(hash)
    }
  }
  return {
    get: (hash, now) => {
      const held = sessions.get(hash)
      if (!held) return undefined
      if (held.expires > now) return held.session
      sessions.delete(hash)
      return undefined
    },
    get revocations() {
      return revocations
    },
    put: (hash, session, expires) => {
      sessions.set(hash, { session, expires: expires ?? Infinity })
      byUser.add(session.user, hash)
      if (session.device !== null) byDevice.add(session.device, hash)
    },
    revoke: (user, which) => {
      revocations++
      removeAll(byUser.of(user), which)
      tell({ user })
    },
    revokeDevices: (devices) => {
      revocations++
      for (const device of devices) removeAll(byDevice.of(device))
      tell({ devices })
    },
    revokeAll: (which) => {
      revocations++
      removeAll([...sessions.keys()], which)
      tell({ which })
    },
    supersede: (user, tokenId) => {
      revocations++
      removeAll(byUser.of(user), (session) => session.tokenId === tokenId)
    },
    onRevoke: (listener) => void listeners.push(listener),
    get size() {
      return sessions.entries
    },
  }
}

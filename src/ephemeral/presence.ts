import { recentUsers } from '../devices/index.ts'
import type { Session } from '../http/index.ts'
import type { JsonObject } from '../matrix/json.ts'
import type { Rooms, StoredEvent } from '../events/index.ts'
import { steady } from '../jobs/index.ts'
import { loadingCache, type Database } from '../storage/index.ts'
import type { Log } from '../streams/index.ts'
import type { Users } from '../users/index.ts'
import { readStatus, saveStatus } from './store.ts'

export type PresenceState = 'online' | 'unavailable' | 'offline'

/** An `m.presence` event. */
export interface PresenceEvent {
  readonly type: 'm.presence'
  readonly sender: string
  readonly content: JsonObject
}

/** Who is there. In memory, but for status messages. */
export interface Presence extends Disposable {
  /** The user says so; a null status message takes the one before away. */
  set(session: Session, state: PresenceState, status: string | null): Promise<void>
  /**
   * A sync is a sign of life, for as long as it may last and a minute more. `offline` leaves everything as it is. Resolves when what it
   * changes has been told, so that a sync that waits for it has the user's own presence in it, and not the next one once more.
   */
  seen(session: Session, state: PresenceState, lastsMs?: number): Promise<void>
  /** Content of the user's `m.presence` event. */
  of(user: number): Promise<JsonObject>
  /** Events of the users that share a room with this one and changed in `(since, until]`; since 0: of all who are not offline. */
  since(user: number, since: number, until: number): Promise<readonly PresenceEvent[]>
}

export interface PresenceDeps {
  readonly database: Database
  readonly log: Log
  readonly users: Pick<Users, 'account' | 'nameOf' | 'profiles'>
  readonly rooms: Pick<Rooms, 'sharers' | 'events'>
  readonly now: () => number
  readonly onError: (error: unknown) => void
}

/** Somebody who is not offline. */
interface Present {
  readonly devices: Map<number, { state: 'online' | 'unavailable'; until: number }>
  lastActive: number
  /** What was last told. */
  told: PresenceState
  toldActive: boolean
}

/** How long a sign of life counts, beyond its own duration. */
const graceMs = 60_000
const idleAfterMs = 5 * 60_000
/** How long after an action somebody is called active. */
const activeForMs = 60_000
const sweepEveryMs = 10_000

function judge(present: Present | undefined, now: number): { state: PresenceState; active: boolean } {
  const alive = [...(present?.devices.values() ?? [])].filter((device) => device.until > now)
  if (!present || alive.length === 0) return { state: 'offline', active: false }
  const isIdle = now - present.lastActive >= idleAfterMs
  const isOnline = !isIdle && alive.some((device) => device.state === 'online')
  return { state: isOnline ? 'online' : 'unavailable', active: isOnline && now - present.lastActive < activeForMs }
}

const deviceOf = (session: Session): number => session.device ?? -session.tokenId

export function openPresence(deps: PresenceDeps): Presence {
  const { database, log, users, rooms, onError } = deps
  // All of it is how long something was ago, or how long it lasts.
  const now = steady(deps.now)
  const presents = new Map<number, Present>()
  const lastActive = database.memory.cache<number, number>({ name: 'last activity', weigh: 10 })
  const statuses = loadingCache<number, { readonly text: string | null }>(
    database.memory,
    { name: 'statuses', weigh: ({ text }) => 50 + 2 * (text?.length ?? 0) },
    async (user) => ({ text: (await readStatus(database.read, user)) ?? null }),
  )
  const recent = recentUsers(log, 'presence')
  let sweeper: NodeJS.Timeout | undefined

  const announce = async (user: number): Promise<void> => {
    const wake = await rooms.sharers(user)
    log.publish({ kind: 'presence', user, wake, wakeAlso: user })
  }

  /** Tells the others when the user now looks different to them. */
  const review = async (user: number, isNews = false): Promise<void> => {
    const present = presents.get(user)
    if (!present && !isNews) return
    for (const [device, { until }] of present?.devices ?? []) if (until <= now()) present?.devices.delete(device)
    const { state, active } = judge(present, now())
    const differs = state !== (present?.told ?? 'offline') || active !== (present?.toldActive ?? false)
    if (present) Object.assign(present, { told: state, toldActive: active })
    if (state === 'offline') presents.delete(user)
    if (differs || isNews) await announce(user).catch(onError)
  }

  const sweep = (): void => {
    sweeper = undefined
    for (const user of presents.keys()) void review(user)
    watch()
  }
  const watch = (): void => {
    if (presents.size > 0) sweeper ??= setTimeout(sweep, sweepEveryMs).unref()
  }

  const act = (user: number, present: Present): void => {
    present.lastActive = now()
    lastActive.set(user, present.lastActive)
  }

  /** Marks a device as present until then. Coming, and a change of state to online, are actions of the user. */
  const mark = (session: Session, state: 'online' | 'unavailable', lastsMs: number): void => {
    const present = presents.get(session.user) ?? {
      devices: new Map(),
      lastActive: lastActive.get(session.user) ?? now(),
      told: 'offline' as const,
      toldActive: false,
    }
    presents.set(session.user, present)
    const device = present.devices.get(deviceOf(session))
    present.devices.set(deviceOf(session), { state, until: Math.max(device?.until ?? 0, now() + lastsMs + graceMs) })
    const wasOnline = device !== undefined && device.state === 'online' && device.until > now()
    if (state === 'online' && !wasOnline) act(session.user, present)
    watch()
  }

  const contentOf = async (user: number): Promise<JsonObject> => {
    const { state, active } = judge(presents.get(user), now())
    const acted = presents.get(user)?.lastActive ?? lastActive.get(user)
    const [account, status] = await Promise.all([users.account(user), statuses.get(user)])
    return {
      presence: state,
      ...(acted !== undefined && { last_active_ago: Math.max(0, now() - acted) }),
      ...(state === 'online' && { currently_active: active }),
      ...(status?.text != null && { status_msg: status.text }),
      ...(account?.displayName != null && { displayname: account.displayName }),
      ...(account?.avatarUrl != null && { avatar_url: account.avatarUrl }),
    }
  }

  users.profiles.onChange(({ user }) => {
    if (presents.has(user)) void review(user, true)
  })
  /** The members of a room learn who it is that has come to them. */
  const introduce = async (user: number, stored: StoredEvent, wake: Iterable<number>): Promise<void> => {
    if (stored.event.content['membership'] !== 'join') return
    const before = stored.replaces === null ? undefined : await rooms.events.get(stored.replaces)
    if (before?.event.content['membership'] !== 'join') log.publish({ kind: 'presence', user, wake })
  }

  log.listen(({ kind, user, data }, wake) => {
    if (kind !== 'event') return
    const stored = data as StoredEvent // rooms/ puts the event there
    if (user !== undefined && presents.has(user)) introduce(user, stored, wake).catch(onError)
    const present = presents.get(stored.sender)
    if (!present) return
    act(stored.sender, present)
    void review(stored.sender)
  })

  return {
    set: async (session, state, status) => {
      const { user } = session
      const before = await statuses.get(user)
      if (status !== (before?.text ?? null)) {
        await database.write((tx) => saveStatus(tx, user, status))
        statuses.set(user, { text: status })
      }
      if (state === 'offline') presents.get(user)?.devices.delete(deviceOf(session))
      else mark(session, state, 0)
      const present = presents.get(user)
      if (state === 'online' && present) act(user, present)
      void review(user, status !== (before?.text ?? null))
    },
    seen: async (session, state, lastsMs = 0) => {
      if (state === 'offline') return
      mark(session, state, lastsMs)
      await review(session.user)
    },
    of: contentOf,
    since: async (user, since, until) => {
      const changed = (since === 0 ? undefined : recent.between(since, until)) ?? new Set(presents.keys())
      if (changed.size === 0) return []
      const sharers = await rooms.sharers(user)
      const shown = [...changed].filter((other) => other === user || sharers.has(other))
      return Promise.all(
        shown.map(async (other) => ({
          type: 'm.presence' as const,
          sender: await users.nameOf(other),
          content: await contentOf(other),
        })),
      )
    },
    [Symbol.dispose]: () => clearTimeout(sweeper),
  }
}

/** Presence for a server that has it switched off: everybody is offline, and nobody is told of anything. */
export const noPresence: Presence = {
  set: async () => {},
  seen: async () => {},
  of: async () => ({ presence: 'offline' }),
  since: async () => [],
  [Symbol.dispose]: () => {},
}

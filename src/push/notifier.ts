import type { Jobs } from '../jobs/index.ts'
import { own, type JsonObject } from '../matrix/json.ts'
import { evaluate } from '../matrix/push-rules/index.ts'
import { powerLevelOf } from '../matrix/power-levels.ts'
import { type Room, type Rooms, standings, type StoredEvent } from '../events/index.ts'
import { powerLevelsOf } from '../rooms/index.ts'
import type { Database, Tx } from '../storage/index.ts'
import type { Log } from '../streams/index.ts'
import type { Users } from '../users/index.ts'
import { pushQueue, type Pushers } from './pushers.ts'
import type { PushRules } from './rules.ts'
import { readCursor, writeCursor } from './store/pushers.ts'

export interface NotifierDeps {
  readonly database: Database
  readonly log: Log
  readonly jobs: Jobs
  readonly rooms: Rooms
  readonly users: Pick<Users, 'nameOf' | 'find'>
  readonly rules: PushRules
  readonly pushers: Pushers
  /** User ids whose events the user does not want to see. */
  readonly ignored: (user: number) => ReadonlySet<string> | Promise<ReadonlySet<string>>
  /** Whether a pusher was told of something unread, so that reading it is news to its gateway. */
  readonly mayClear: (pusher: number) => boolean
  /** Sees to it that a mail is written in a while, unless the user has read by then what there is. */
  readonly mailLater: (tx: Tx, pusher: number, sentTs: number) => Promise<void>
  readonly onError: (error: unknown) => void
}

/** So many pushes wait for one gateway that does not answer; then the oldest are dropped. */
const mostWaiting = 50
/** After a crash, so many of the newest events of a room are looked at again. */
const mostMissed = 200

interface Push {
  readonly pusher: number
  readonly payload: JsonObject
  /** When what it is about was sent, in ms since 1970. */
  readonly ts: number
}

/**
 * Looks at every event for those local members who have pushers, and queues what they are to be told. Rules are compiled once for all
 * users who have the same, and the event is prepared once for all of them; nothing is done for members without pushers.
 */
export function startNotifier(deps: NotifierDeps): AsyncDisposable & { readonly settled: () => Promise<void> } {
  const { database, log, jobs, pushers, onError } = deps
  const begun = log.now
  let position = begun
  let waiting: StoredEvent[] = []
  let badges = new Set<number>()
  let working: Promise<void> | undefined

  const store = async (pushes: readonly Push[]): Promise<void> => {
    const upTo = position
    await database.write(async (tx) => {
      for (const { pusher, payload, ts } of pushes) {
        if (pushers.isMail(pusher)) await deps.mailLater(tx, pusher, ts)
        else await jobs.enqueue(tx, { queue: pushQueue, key: String(pusher), payload, most: mostWaiting })
      }
      await writeCursor(tx, upTo)
    })
  }

  const takeAll = async (): Promise<void> => {
    while (waiting.length > 0 || badges.size > 0) {
      const [events, readers] = [waiting, badges]
      waiting = []
      badges = new Set()
      const pushes: Push[] = []
      for (const stored of events) pushes.push(...(await pushesFor(deps, stored)))
      for (const user of readers) {
        for (const pusher of pushers.of(user))
          if (!pushers.isMail(pusher) && deps.mayClear(pusher)) pushes.push({ pusher, payload: { badge: true }, ts: 0 })
      }
      position = Math.max(position, ...events.map((stored) => stored.position))
      if (pushes.length > 0) await store(pushes)
    }
  }
  const work = (): void => {
    working ??= takeAll()
      .catch(onError)
      .finally(() => {
        working = undefined
        if (waiting.length > 0 || badges.size > 0) work()
      })
  }

  /** What was stored right before a crash and not looked at any more. */
  const catchUp = async (): Promise<void> => {
    const since = await readCursor(database.read)
    if (since === undefined || since >= begun || pushers.users.size === 0) return
    const nids = new Set<number>()
    for (const user of pushers.users) for (const nid of (await deps.rooms.of(user)).keys()) nids.add(nid)
    for (const room of await deps.rooms.changedSince([...nids], since)) {
      const missed = await deps.rooms.timeline({ room, above: since, upTo: begun, limit: mostMissed, dir: 'b' })
      waiting.unshift(...missed.toReversed())
    }
  }
  working = catchUp()
    .catch(onError)
    .finally(() => {
      working = undefined
      work()
    })

  log.listen((entry) => {
    if (entry.kind === 'event') {
      const stored = entry.data as StoredEvent // entries of this kind carry it
      if (pushers.users.size === 0) position = entry.position
      else waiting.push(stored)
      // What one sends says that one has read what came before.
      if (pushers.users.has(stored.sender)) badges.add(stored.sender)
    } else if (entry.kind === 'receipt' && entry.user !== undefined && pushers.users.has(entry.user)) {
      badges.add(entry.user)
    } else return
    if (waiting.length > 0 || badges.size > 0) work()
  })

  const settled = async (): Promise<void> => {
    for (let current = working; current; current = working) await current
  }
  return {
    settled,
    [Symbol.asyncDispose]: async () => {
      await settled()
      await store([])
    },
  }
}

async function pushesFor(deps: NotifierDeps, stored: StoredEvent): Promise<Push[]> {
  const { event } = stored
  const room = await deps.rooms.byNid(stored.room)
  if (!room || stored.standing !== standings.accepted || stored.redactedBy !== null) return []
  const readers = await readersOf(deps, room, stored)
  if (readers.length === 0) return []
  const levels = await powerLevelsOf(deps.rooms, room)
  const context = {
    memberCount: room.joined.size,
    senderPower: powerLevelOf(levels, event.sender),
    notificationLevels: levels.notifications,
  }
  const pushes: Push[] = []
  for (const user of readers) {
    if ((await deps.ignored(user)).has(event.sender)) continue
    const displayName = room.members.get(user)?.displayName ?? undefined
    const actions = evaluate(await deps.rules.compiled(user), deps.rules.viewOf(event), {
      ...context,
      displayName,
      userId: await deps.users.nameOf(user),
    })
    if (!actions.notify) continue
    const tweaks: JsonObject = {}
    for (const action of actions.raw) {
      const name = own(action, 'set_tweak')
      if (typeof name === 'string') tweaks[name] = own(action, 'value') ?? true
    }
    for (const pusher of deps.pushers.of(user))
      pushes.push({ pusher, payload: { event: stored.nid, tweaks }, ts: event.ts })
  }
  return pushes
}

/** Who has pushers and is in the room, or invited by this very event. */
async function readersOf(
  { pushers, users }: NotifierDeps,
  room: Room,
  { event, sender }: StoredEvent,
): Promise<number[]> {
  const [few, many] =
    pushers.users.size < room.joined.size ? [pushers.users, room.joined] : [room.joined, pushers.users]
  const found = [...few].filter((user) => user !== sender && many.has(user))
  if (event.type !== 'm.room.member' || own(event.content, 'membership') !== 'invite') return found
  const target = event.stateKey === undefined ? undefined : await users.find(event.stateKey)
  return target !== undefined && pushers.users.has(target) ? [...found, target] : found
}

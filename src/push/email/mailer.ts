import type { Jobs } from '../../jobs/index.ts'
import type { Mail } from '../../login/index.ts'
import { own, type JsonObject } from '../../matrix/json.ts'
import type { Room, StoredEvent } from '../../events/index.ts'
import type { Database, Tx } from '../../storage/index.ts'
import type { Log } from '../../streams/index.ts'
import type { Users } from '../../users/index.ts'
import { notificationsOf, type NotificationsDeps } from '../notifications.ts'
import { mailQueue, type Pushers } from '../pushers.ts'
import { readThrottles, saveMailed } from '../store/mailed.ts'
import type { PusherRow } from '../store/pushers.ts'
import { unreadMail, type UnreadRoom } from './message.ts'
import { unreadTexts, type UnreadTexts } from './texts.ts'
import { afterMail, dueAt, firstWaitMs, type Throttle } from './throttle.ts'

export interface MailerDeps extends NotificationsDeps {
  readonly database: Database
  readonly log: Log
  readonly jobs: Jobs
  readonly users: Pick<Users, 'nameOf'>
  readonly pushers: Pushers
  /** Absent: no mail can be sent. */
  readonly mail: Mail | undefined
  /** Port: whether an address is one that the user has shown to be theirs. */
  readonly ownsAddress: (user: number, address: string) => Promise<boolean>
  /** Where browsers reach this server. */
  readonly baseUrl: string | undefined
  readonly serverName: string
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Where a link in a mail leads to: names the pusher, and proves that its mail was had. */
export const unsubscribePath = '/_latchkey/push/unsubscribe'

const mostNotifications = 200
const [mostRooms, mostLines, longestLine] = [20, 5, 300]

interface Waiting {
  readonly room: Room
  /** Oldest first. */
  readonly events: StoredEvent[]
}

/**
 * Writes mail about what people have not read for a while: one about all rooms that it is time for, seldomer the longer a room is left
 * unread. What has been read meanwhile is not written about.
 */
export function startMailer(deps: MailerDeps): {
  readonly mailLater: (tx: Tx, pusher: number, sentTs: number) => Promise<void>
} {
  const { database, jobs, now } = deps
  /** Pushers for which there is a job, as far as is known. */
  const planned = new Set<number>()

  const plan = async (tx: Tx, pusher: number, runAt: number): Promise<void> => {
    await jobs.enqueue(tx, { queue: mailQueue, key: String(pusher), payload: {}, runAt, most: 2 })
    planned.add(pusher)
  }

  const write = async (pusher: PusherRow): Promise<void> => {
    if (!deps.mail || deps.baseUrl === undefined) return
    if (!(await deps.ownsAddress(pusher.user_nid, pusher.pushkey))) return deps.pushers.reject(pusher)
    const throttles = await readThrottles(database.read, pusher.nid)
    const upTo = deps.log.now
    const due: Waiting[] = []
    let next = Infinity
    for (const waiting of await unreadOf(deps, pusher, throttles)) {
      const at = dueAt(waiting.events[0]?.event.ts ?? 0, throttles.get(waiting.room.nid))
      if (at <= now()) due.push(waiting)
      else next = Math.min(next, at)
    }
    if (due.length === 0 && next === Infinity) return
    const rooms = due.slice(0, mostRooms).map(({ room, events }) => roomIn(unreadTexts(pusher.lang), room, events))
    const mailed = new Map(
      due.map(({ room }): [number, Throttle] => [room.nid, afterMail(throttles.get(room.nid), now(), upTo)]),
    )
    const brand = own(JSON.parse(pusher.data) as JsonObject, 'brand') // checked when it was set
    const mail = unreadMail({
      to: pusher.pushkey,
      lang: pusher.lang,
      rooms,
      brand: typeof brand === 'string' && brand !== '' ? brand : deps.serverName,
      unsubscribe: `${deps.baseUrl.replace(/\/$/, '')}${unsubscribePath}?pusher=${pusher.nid}&secret=${encodeURIComponent(pusher.secret ?? '')}`,
    })
    await database.write(async (tx) => {
      if (rooms.length > 0) await deps.mail?.send(tx, mail)
      await saveMailed(tx, pusher.nid, mailed)
      if (next !== Infinity) await plan(tx, pusher.nid, next)
    })
  }

  jobs.work(mailQueue, {
    concurrency: 4,
    handle: async ({ key }) => {
      planned.delete(Number(key))
      const pusher = await deps.pushers.get(Number(key))
      if (pusher?.kind === 'email') await write(pusher)
    },
  })
  return {
    mailLater: async (tx, pusher, sentTs) => {
      if (!planned.has(pusher)) await plan(tx, pusher, Math.min(sentTs, now()) + firstWaitMs)
    },
  }
}

/** What the user has not read and was not written to about, by room. */
async function unreadOf(
  deps: MailerDeps,
  pusher: PusherRow,
  throttles: ReadonlyMap<number, Throttle>,
): Promise<Waiting[]> {
  const user = pusher.user_nid
  const isNew = (room: number, position: number): boolean =>
    position > Math.max(pusher.since_position, throttles.get(room)?.position ?? 0)
  const { found } = await notificationsOf(deps, {
    user,
    userId: await deps.users.nameOf(user),
    before: deps.log.now + 1,
    limit: mostNotifications,
    highlights: false,
  })
  const waiting = new Map<number, Waiting>()
  for (const { stored, room, read } of found.toReversed()) {
    if (read || !isNew(room.nid, stored.position)) continue
    const one = waiting.get(room.nid) ?? { room, events: [] }
    one.events.push(stored)
    waiting.set(room.nid, one)
  }
  for (const [nid, { membership, position, event }] of await deps.rooms.of(user)) {
    if (membership !== 'invite' || !isNew(nid, position)) continue
    const [room, stored] = [await deps.rooms.byNid(nid), await deps.rooms.events.get(event)]
    if (room && stored && !(await deps.ignored(user)).has(stored.event.sender))
      waiting.set(nid, { room, events: [stored] })
  }
  return [...waiting.values()]
}

function roomIn(texts: UnreadTexts, room: Room, events: readonly StoredEvent[]): UnreadRoom {
  const shown = events.slice(-mostLines)
  const newest = shown.at(-1)
  return {
    name:
      room.summary.name ??
      room.summary.canonicalAlias ??
      [...new Set(events.map((stored) => senderIn(room, stored)))].join(', '),
    link: `https://matrix.to/#/${encodeURIComponent(room.id)}${newest ? `/${encodeURIComponent(newest.event.id)}` : ''}`,
    lines: shown.map((stored) => lineOf(texts, room, stored)),
    more: events.length - shown.length,
  }
}

const senderIn = (room: Room, { sender, event }: StoredEvent): string =>
  room.members.get(sender)?.displayName ?? event.sender

function lineOf(texts: UnreadTexts, room: Room, stored: StoredEvent): string {
  const { type, content } = stored.event
  const sender = senderIn(room, stored)
  if (type === 'm.room.member') return texts.invited(sender)
  if (type === 'm.room.encrypted') return texts.encrypted(sender)
  const body = own(content, 'body')
  if (typeof body !== 'string' || body === '') return texts.other(sender)
  return `${sender}: ${body.length > longestLine ? `${body.slice(0, longestLine).toWellFormed()}…` : body}`
}

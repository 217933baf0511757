import type { ReadUpTo } from '../ephemeral/index.ts'
import {
  evaluate,
  type CompiledRules,
  type EventView,
  type PushContext,
  type PushEvent,
} from '../matrix/push-rules/index.ts'
import { powerLevelOf, type PowerLevels } from '../matrix/power-levels.ts'
import { mustRest, rest } from '../storage/index.ts'

/** Notifications that a user has not seen. */
export interface Count {
  readonly notification: number
  readonly highlight: number
}

/** Unread notifications of a room, those of threads apart. */
export interface Counts {
  /** What is in no thread. */
  readonly main: Count
  /** By the thread's root; threads without any are left out. */
  readonly threads: ReadonlyMap<string, Count>
  readonly total: Count
}

/** An event as far as notifications are concerned. A StoredEvent is one. */
export interface Candidate {
  readonly nid: number
  readonly sender: number
  readonly position: number
  readonly event: PushEvent & { readonly id: string; readonly redacts?: string | undefined }
  readonly threadRoot: string | null
  readonly redactedBy: number | null
}

/** An event that the user was notified of and has not read. */
interface Notification {
  readonly nid: number
  readonly position: number
  readonly thread: string
  readonly highlight: boolean
}

/** Name of what is in no thread. */
export const mainThread = 'main'

/** More are not kept for one user in one room: beyond, a count is only a lower bound. */
const mostNotifications = 1000

const zero: Count = { notification: 0, highlight: 0 }

export const noCounts: Counts = { main: zero, threads: new Map(), total: zero }

/** Whose notifications these are, and what decides on them. */
export interface Judge {
  readonly user: number
  readonly rules: CompiledRules
  readonly viewOf: (event: PushEvent) => EventView
  /** User ids whose events the user does not want to see. */
  readonly ignored: ReadonlySet<string>
  readonly context: Omit<PushContext, 'senderPower' | 'notificationLevels'>
  readonly levels: PowerLevels
  /** The thread that an event is in. */
  readonly threadOf: (candidate: Candidate) => string | Promise<string>
  /** Short id of the event that a redaction names, if it is redacted. */
  readonly redacted: (redaction: Candidate) => Promise<number | undefined>
}

/** Whether something at this position of a thread has been read. */
export const isRead = (read: ReadUpTo, thread: string, position: number): boolean =>
  position <= read.everywhere || position <= (read.threads.get(thread) ?? 0)

/** What has been counted of one room for one user. Immutable. */
export class Ledger {
  readonly #read: ReadUpTo
  readonly #notifications: readonly Notification[]
  /** What has been taken in; everything up to here. */
  readonly upTo: number
  #counts: Counts | undefined

  constructor(read: ReadUpTo, upTo: number, notifications: readonly Notification[] = []) {
    this.#read = read
    this.upTo = upTo
    this.#notifications = notifications
  }

  get size(): number {
    return 1 + this.#notifications.length
  }

  /** The same after the user has read more; receipts never move back. */
  afterReading(read: ReadUpTo): Ledger {
    if (read === this.#read) return this
    const left = this.#notifications.filter(({ thread, position }) => !isRead(read, thread, position))
    return new Ledger(read, this.upTo, left)
  }

  /**
   * The same after further events, oldest first. An event of the user's own says that they have read its thread up to it; member
   * events do not, since a client that sets a new display name sends one to every room.
   * @see https://spec.matrix.org/v1.19/client-server-api/#marking-notifications-as-read
   */
  async afterEvents(events: readonly Candidate[], upTo: number, judge: Judge): Promise<Ledger> {
    let kept: Notification[] = [...this.#notifications]
    for (const candidate of events) {
      if (mustRest()) await rest()
      const { event, nid, position } = candidate
      if (event.type === 'm.room.redaction' && kept.length > 0) {
        const gone = await judge.redacted(candidate)
        kept = kept.filter((one) => one.nid !== gone)
      }
      if (candidate.sender === judge.user) {
        if (event.type === 'm.room.member' || kept.length === 0) continue
        const own = await judge.threadOf(candidate)
        kept = kept.filter(({ thread }) => thread !== own)
      } else {
        const highlight = verdict(candidate, judge)
        if (highlight === undefined || position <= this.#read.everywhere) continue
        const thread = await judge.threadOf(candidate)
        if (!isRead(this.#read, thread, position)) kept.push({ nid, position, thread, highlight })
      }
    }
    return new Ledger(this.#read, upTo, kept.slice(-mostNotifications))
  }

  get counts(): Counts {
    this.#counts ??= countsOf(this.#notifications)
    return this.#counts
  }
}

/** Undefined: no notification; otherwise whether it is a highlight. */
function verdict(
  { event, redactedBy }: Candidate,
  { rules, viewOf, ignored, context, levels }: Judge,
): boolean | undefined {
  if (redactedBy !== null || ignored.has(event.sender)) return undefined
  const { notify, highlight } = evaluate(rules, viewOf(event), {
    ...context,
    senderPower: powerLevelOf(levels, event.sender),
    notificationLevels: levels.notifications,
  })
  return notify ? highlight : undefined
}

function countsOf(notifications: readonly Notification[]): Counts {
  if (notifications.length === 0) return noCounts
  const byThread = new Map<string, { notification: number; highlight: number }>()
  const total = { notification: 0, highlight: 0 }
  for (const { thread, highlight } of notifications) {
    const count = byThread.get(thread) ?? { notification: 0, highlight: 0 }
    for (const one of [count, total]) {
      one.notification += 1
      if (highlight) one.highlight += 1
    }
    byThread.set(thread, count)
  }
  const main = byThread.get(mainThread) ?? zero
  byThread.delete(mainThread)
  return { main, threads: byThread, total }
}

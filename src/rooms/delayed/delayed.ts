import type { Session } from '../../http/index.ts'
import type { Job, Jobs } from '../../jobs/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { canonicalJson, type JsonObject } from '../../matrix/json.ts'
import type { Database } from '../../storage/index.ts'
import { gate, mustNotBeSuspended, type Users } from '../../users/index.ts'
import { joinedRoom } from '../membership.ts'
import { delayedDevice, type Rooms } from '../../events/index.ts'
import type { Sender } from '../sender.ts'
import {
  finaliseDelayed,
  insertDelayed,
  readByTxn,
  readDelayed,
  readDelayedOf,
  readDue,
  restartDelayed,
  type DelayedRow,
} from './store.ts'

export interface DelayedDeps {
  readonly database: Database
  readonly jobs: Jobs
  readonly rooms: Rooms
  readonly users: Pick<Users, 'account' | 'nameOf'>
  readonly sender: Sender
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly randomId: () => string
}

/** What somebody wants to be sent later. */
export interface DelayedWish {
  readonly roomId: string
  readonly type: string
  /** Absent for a message. */
  readonly stateKey?: string | undefined
  readonly content: JsonObject
  /** Milliseconds from now. */
  readonly delay: number
  readonly txnId?: string
}

export type DelayedAction = 'send' | 'cancel' | 'restart'

/**
 * Events that the server sends later, whether or not their client is there then, unless they are cancelled or their time begins anew:
 * how a call learns that somebody is gone who could not say so.
 * @see https://github.com/matrix-org/matrix-spec-proposals/pull/4140
 */
export interface Delayed {
  /** Resolves to the id of the delay. @throws {MatrixError} M_UNKNOWN with the longest delay; M_LIMIT_EXCEEDED; as for an event that is sent at once */
  schedule(session: Session, wish: DelayedWish): Promise<string>
  /** Whoever knows the id may act. @throws {MatrixError} M_NOT_FOUND; M_UNKNOWN (409) after the opposite has happened; what sending is refused with */
  act(delayId: string, action: DelayedAction): Promise<void>
  /** Undefined unless the user scheduled it. */
  get(user: number, delayId: string): Promise<DelayedRow | undefined>
  list(user: number, wanted: { finalised: boolean; offset: number; limit: number }): Promise<DelayedRow[]>
}

const hour = 3_600_000

/** What one user may have scheduled, and for how long ahead. */
export const delayedLimits = { maxDelayMs: 7 * 24 * hour, maxScheduled: 100 } as const

const queue = 'delayed'
const kept = { forMs: 7 * 24 * hour, most: 1000 }
const largestContent = 65_536

const notThere = (): MatrixError => new MatrixError('M_NOT_FOUND', 'There is no such delayed event')

function checkDelay(delay: number): void {
  if (!Number.isSafeInteger(delay) || delay < 1)
    throw new MatrixError('M_INVALID_PARAM', 'The delay is a number of milliseconds above 0')
  const { maxDelayMs } = delayedLimits
  if (delay <= maxDelayMs) return
  throw new MatrixError('M_UNKNOWN', `An event can be delayed by ${maxDelayMs} ms at most`, {
    status: 400,
    extra: {
      'org.matrix.msc4140.errcode': 'M_MAX_DELAY_EXCEEDED',
      'org.matrix.msc4140.max_delay': maxDelayMs,
      max_delay_ms: maxDelayMs,
    },
  })
}

/** Opens the delayed events of this server; what became due while it was down goes out at once. */
export function openDelayed(deps: DelayedDeps): Delayed {
  const { database, jobs, rooms, users, sender, now, randomId } = deps
  /** What is under way for a delayed event, so that nothing is both sent and cancelled. */
  const turns = new Map<string, Promise<unknown>>()

  const inTurn = <T>(delayId: string, work: () => Promise<T>): Promise<T> => {
    const done = (turns.get(delayId) ?? Promise.resolve()).then(work, work)
    const settled = done
      .catch(() => {})
      .finally(() => {
        if (turns.get(delayId) === settled) turns.delete(delayId)
      })
    turns.set(delayId, settled)
    return done
  }

  const finalise = (row: DelayedRow, outcome: { event_id?: string; error?: object }): Promise<void> =>
    database.write(async (tx) => {
      const at = now()
      await jobs.drop(tx, queue, row.delay_id)
      await finaliseDelayed(
        tx,
        row,
        {
          finalised_ts: at,
          event_id: outcome.event_id ?? null,
          error: outcome.error ? JSON.stringify(outcome.error) : null,
        },
        { since: at - kept.forMs, most: kept.most },
      )
    })

  const send = async (row: DelayedRow): Promise<void> => {
    const account = await users.account(row.user_nid)
    if (!account) throw new MatrixError('M_USER_DEACTIVATED', 'The account is gone')
    gate(account, 'login')
    const session = {
      user: row.user_nid,
      userId: account.userId,
      suspended: account.suspended,
      shadowBanned: account.shadowBanned,
    }
    const content = JSON.parse(row.content) as JsonObject // checked when it was scheduled
    // The delay's own id is the transaction: an attempt that is repeated after a crash finds what was sent.
    const origin = { device: delayedDevice, txnId: row.delay_id }
    const eventId =
      row.state_key === null
        ? await sender.message(session, row.room_id, row.type, content, origin)
        : await sender.state(session, row.room_id, row.type, row.state_key, content, origin)
    await finalise(row, { event_id: eventId })
  }

  jobs.work(queue, {
    giveUpAfterMs: delayedLimits.maxDelayMs + 24 * hour,
    firstMs: 500,
    mostMs: 60_000,
    handle: ({ key }: Job) =>
      inTurn(key, async () => {
        const row = await readDelayed(database.read, key)
        if (!row || row.finalised_ts !== null || row.since_ts + row.delay_ms > now()) return
        try {
          await send(row)
        } catch (error) {
          // What is refused now would be a surprise later: the client asks, and tries again.
          if (!(error instanceof MatrixError) || error.status >= 500) throw error
          await finalise(row, { error: error.body() })
        }
      }),
  })

  return {
    schedule: async (session, wish) => {
      checkDelay(wish.delay)
      mustNotBeSuspended(session)
      await joinedRoom(rooms, wish.roomId, session.user)
      const content = canonicalJson(wish.content)
      if (content.length > largestContent) throw new MatrixError('M_TOO_LARGE', 'The event is too large')
      const row: DelayedRow = {
        delay_id: randomId(),
        user_nid: session.user,
        device_nid: session.device,
        txn_id: wish.txnId ?? null,
        room_id: wish.roomId,
        type: wish.type,
        state_key: wish.stateKey ?? null,
        content,
        delay_ms: wish.delay,
        since_ts: now(),
        finalised_ts: null,
        event_id: null,
        error: null,
      }
      return database.write(async (tx) => {
        const before = row.txn_id === null || row.device_nid === null ? undefined : await readByTxn(tx, row)
        if (before) return before.delay_id
        const due = await readDue(tx, row.user_nid)
        const first = due[due.length - delayedLimits.maxScheduled]
        if (first !== undefined) {
          throw new MatrixError(
            'M_LIMIT_EXCEEDED',
            `You can have ${delayedLimits.maxScheduled} delayed events at a time`,
            { retryAfterMs: Math.max(first - row.since_ts, 1000) },
          )
        }
        await insertDelayed(tx, row)
        await jobs.enqueue(tx, { queue, key: row.delay_id, payload: {}, runAt: row.since_ts + row.delay_ms })
        return row.delay_id
      })
    },
    act: (delayId, action) =>
      inTurn(delayId, async () => {
        const row = await readDelayed(database.read, delayId)
        if (!row) throw notThere()
        if (row.finalised_ts !== null) {
          if (action === (row.event_id === null ? 'cancel' : 'send')) return
          throw new MatrixError(
            'M_UNKNOWN',
            `This delayed event was ${row.event_id === null ? 'cancelled' : 'sent'} before`,
            { status: 409 },
          )
        }
        if (action === 'send') await send(row)
        else if (action === 'cancel') await finalise(row, {})
        else {
          const since = now()
          await database.write(async (tx) => {
            await jobs.drop(tx, queue, delayId)
            await restartDelayed(tx, delayId, since)
            await jobs.enqueue(tx, { queue, key: delayId, payload: {}, runAt: since + row.delay_ms })
          })
        }
      }),
    get: async (user, delayId) => {
      const row = await readDelayed(database.read, delayId)
      return row?.user_nid === user ? row : undefined
    },
    list: (user, wanted) => readDelayedOf(database.read, user, wanted),
  }
}

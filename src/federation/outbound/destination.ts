import { isObject, own, type JsonObject } from '../../matrix/json.ts'
import type { Database } from '../../storage/index.ts'
import type { FederationClient } from '../client.ts'
import type { Reach } from '../reach.ts'
import { RemoteError } from '../remote-error.ts'
import { receiptEdus, typingEdu, type Edu, type ReadTo } from './edus.ts'
import { addDebts, readDebts, readMail, removeDebts, removeMail, type Debt } from './store.ts'

/** An event that a server is to be told of. */
export interface Parcel {
  readonly nid: number
  readonly room: number
  readonly position: number
}

export interface DestinationDeps {
  readonly serverName: string
  readonly database: Database
  readonly client: FederationClient
  readonly reach: Reach
  readonly now: () => number
  readonly randomId: () => string
  /** The events as servers exchange them; those that are gone are left out. */
  readonly pdus: (nids: readonly number[]) => Promise<JsonObject[]>
  /** The newest event of each room that was made here. */
  readonly newest: (rooms: readonly number[]) => Promise<Parcel[]>
  readonly deviceEdus: (user: number) => Promise<Edu[]>
  readonly mailEdus: (mail: { nid: number; json: string }) => Edu | undefined
  /** Runs no more than so many at once. */
  readonly pool: <T>(server: string, work: () => Promise<T>) => Promise<T>
  readonly logger: { info(details: object, message: string): void; warn(details: object, message: string): void }
  readonly onError: (error: unknown) => void
  readonly count: (server: string, what: 'transactions' | 'pdus' | 'edus' | 'failures' | 'refused', by: number) => void
}

/** What one server is to be told, and telling it. */
export interface Destination {
  readonly server: string
  event(parcel: Parcel): void
  typing(roomId: string, userId: string, isTyping: boolean): void
  receipt(receipt: ReadTo): void
  devices(user: number): void
  /** Messages to its devices wait in the database, or debts do. */
  look(): void
  /** It can be reached again. */
  retry(): void
  /** Position of the oldest event that it has not taken; undefined when it has all, or what it has not is written down. */
  readonly oldest: number | undefined
  /** Events and other things that wait in memory. */
  readonly waiting: { readonly events: number; readonly edus: number }
  /** Writes down what it has not taken, and ends. */
  stop(): Promise<void>
}

const mostPdus = 50
const mostEdus = 100
const mostMail = 50
/** So many events wait in memory; when there are more, it gets the newest of each room instead. */
const mostWaiting = 500
const mostReceipts = 5000
const timeoutMs = 60_000
/** However it failed, it is not tried again at once. */
const leastPauseMs = 10_000

interface Batch {
  readonly txnId: string
  readonly parcels: readonly Parcel[]
  readonly debts: readonly Debt[]
  readonly users: readonly number[]
  readonly mailUpTo: number | undefined
  readonly content: JsonObject & { pdus: JsonObject[]; edus: Edu[] }
}

/**
 * Tells a server, one transaction at a time, in order. What it refuses for good is passed over, so that one bad event holds up nothing.
 * @see https://spec.matrix.org/v1.19/server-server-api/#transactions
 */
export function openDestination(deps: DestinationDeps, server: string, owes: boolean, hasMail: boolean): Destination {
  const { database, client, reach, now, logger, onError } = deps
  let parcels: Parcel[] = []
  const typing = new Map<string, Edu>()
  const receipts = new Map<string, ReadTo>()
  const changed = new Set<number>()
  /** What is written down as owed. */
  const debts = new Set<string>()
  /** Something is owed that is in memory no more. */
  let isOwing = owes
  let isMail = hasMail
  let inFlight: Batch | undefined
  let running: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  const stopped = new AbortController()

  const isFailing = (): boolean => reach.of(server).failures > 0

  /** Writes down what a restart would lose. */
  const owe = async (): Promise<void> => {
    const fresh: Debt[] = [...new Set([...(inFlight?.parcels ?? []), ...parcels].map(({ room }) => room))].map(
      (nid) => ({ kind: 'room' as const, nid }),
    )
    for (const nid of [...changed, ...(inFlight?.users ?? [])]) fresh.push({ kind: 'user', nid })
    const unknown = fresh.filter(({ kind, nid }) => !debts.has(`${kind} ${nid}`))
    if (unknown.length === 0) return
    await database.write((tx) => addDebts(tx, server, unknown))
    for (const { kind, nid } of unknown) debts.add(`${kind} ${nid}`)
  }

  const next = async (): Promise<Batch | undefined> => {
    const isDebt = isOwing && parcels.length === 0
    const owed = isDebt ? await readDebts(database.read, server, mostPdus) : []
    if (isDebt && owed.length === 0) {
      isOwing = false
      debts.clear()
    }
    const rooms = owed.filter(({ kind }) => kind === 'room').map(({ nid }) => nid)
    for (const { kind, nid } of owed) if (kind === 'user') changed.add(nid)
    const taken = isDebt ? await deps.newest(rooms) : parcels.splice(0, mostPdus)
    const pdus = taken.length === 0 ? [] : await deps.pdus(taken.map(({ nid }) => nid))
    const edus: Edu[] = []
    const mayHaveMail = isMail
    isMail = false
    const mail = mayHaveMail ? await readMail(database.read, server, mostMail) : []
    if (mail.length === mostMail) isMail = true
    for (const message of mail) {
      const edu = deps.mailEdus(message)
      if (edu) edus.push(edu)
      else logger.warn({ server }, 'a message to devices is left out: other servers could not check it')
    }
    const users: Debt[] = []
    for (const user of changed) {
      if (edus.length + 2 > mostEdus) break
      changed.delete(user)
      edus.push(...(await deps.deviceEdus(user)))
      users.push({ kind: 'user', nid: user })
    }
    const read = [...receipts].slice(0, mostEdus)
    const receiptList = receiptEdus(read.map(([, receipt]) => receipt)).slice(0, mostEdus - edus.length)
    if (receiptList.length > 0) for (const [key] of read) receipts.delete(key)
    edus.push(...receiptList)
    for (const [key, edu] of typing) {
      if (edus.length >= mostEdus) break
      typing.delete(key)
      edus.push(edu)
    }
    const settled = [...owed, ...users.filter(({ nid }) => debts.has(`user ${nid}`))]
    if (pdus.length === 0 && edus.length === 0) {
      if (settled.length > 0) await database.write((tx) => removeDebts(tx, server, settled))
      return undefined
    }
    return {
      txnId: deps.randomId().slice(0, 24),
      parcels: isDebt ? [] : taken,
      debts: settled,
      users: users.map(({ nid }) => nid),
      mailUpTo: mail.at(-1)?.nid,
      content: { origin: deps.serverName, origin_server_ts: now(), pdus, edus },
    }
  }

  const noteRefused = (answer: unknown): void => {
    const list = own(answer, 'pdus')
    if (!isObject(list)) return
    for (const [eventId, result] of Object.entries(list).slice(0, mostPdus)) {
      const error = own(result, 'error')
      if (typeof error !== 'string') continue
      deps.count(server, 'refused', 1)
      logger.info({ server, event: eventId.slice(0, 255), error: error.slice(0, 300) }, 'a server refuses an event')
    }
  }

  const put = async (txnId: string, content: JsonObject): Promise<void> => {
    const answer = await client.ask(server, {
      method: 'PUT',
      path: `/_matrix/federation/v1/send/${encodeURIComponent(txnId)}`,
      content,
      timeoutMs,
      evenIfDown: true,
      signal: stopped.signal,
    })
    noteRefused(answer)
  }

  /** Whether a refusal is about what is in a transaction, and will be the same the next time. */
  const isPoison = (error: unknown): boolean =>
    error instanceof RemoteError && (error.status === 400 || error.status === 413 || error.status === 422)

  /** One by one, since a server refuses them together: what it refuses even so is passed over. */
  const putSingly = async ({ txnId, content }: Batch): Promise<void> => {
    const singles = [
      ...content.pdus.map((pdu) => ({ pdus: [pdu], edus: [] })),
      ...content.edus.map((edu) => ({ pdus: [], edus: [edu] })),
    ]
    for (const [index, single] of singles.entries()) {
      try {
        await put(`${txnId}.${index}`, { ...content, ...single })
      } catch (error) {
        if (!isPoison(error)) throw error
        deps.count(server, 'refused', 1)
        logger.warn({ server, err: error }, 'a server refuses something for good; it is passed over')
      }
    }
  }

  const deliver = async (batch: Batch): Promise<void> => {
    try {
      await put(batch.txnId, batch.content)
    } catch (error) {
      if (!isPoison(error)) throw error
      await putSingly(batch)
    }
    const { debts: settled, mailUpTo, content } = batch
    if (settled.length > 0 || mailUpTo !== undefined) {
      await database.write(async (tx) => {
        await removeDebts(tx, server, settled)
        if (mailUpTo !== undefined) await removeMail(tx, server, mailUpTo)
      })
      for (const { kind, nid } of settled) debts.delete(`${kind} ${nid}`)
    }
    deps.count(server, 'transactions', 1)
    deps.count(server, 'pdus', content.pdus.length)
    deps.count(server, 'edus', content.edus.length)
  }

  /** What was written down as owed while it did not answer, and has been told from memory since. */
  const settle = async (): Promise<void> => {
    if (isOwing || debts.size === 0 || parcels.length > 0 || changed.size > 0) return
    const settled = [...debts].map((key): Debt => {
      const [kind, nid] = key.split(' ')
      return { kind: kind === 'user' ? 'user' : 'room', nid: Number(nid) }
    })
    debts.clear()
    await database.write((tx) => removeDebts(tx, server, settled))
  }

  const pause = (ms: number): void => {
    clearTimeout(timer)
    timer = setTimeout(wake, Math.min(ms, 2 ** 31 - 1)).unref()
  }

  const run = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      const wait = reach.of(server).retryTs - now()
      if (wait > 0) {
        await owe()
        pause(wait)
        return
      }
      inFlight ??= await next()
      const batch = inFlight
      if (!batch) {
        await settle()
        return
      }
      try {
        await deps.pool(server, () => deliver(batch))
        inFlight = undefined
        reach.answered(server)
      } catch (error) {
        if (stopped.signal.aborted) return
        if (!(error instanceof RemoteError)) throw error
        reach.failed(server)
        deps.count(server, 'failures', 1)
        const { failures } = reach.of(server)
        if ((failures & (failures - 1)) === 0)
          logger.warn({ server, failures, err: error }, 'a server does not take what it is sent; it is tried again')
        // Typing is over before it comes back.
        typing.clear()
        if (reach.of(server).retryTs > now()) continue
        pause(leastPauseMs)
        return
      }
    }
  }

  const wake = (): void => {
    if (stopped.signal.aborted || running) return
    running = run()
      .catch((error: unknown) => {
        onError(error)
        pause(10_000)
      })
      .finally(() => {
        running = undefined
        if (parcels.length + receipts.size + typing.size + changed.size > 0 || isMail) {
          if (!isFailing()) wake()
        }
      })
  }

  return {
    server,
    event: (parcel) => {
      parcels.push(parcel)
      if (parcels.length > mostWaiting) {
        // The newest of each room will do: it fetches the rest itself.
        void owe().catch(onError)
        parcels = []
        isOwing = true
      } else if (isFailing()) void owe().catch(onError)
      wake()
    },
    typing: (roomId, userId, isTyping) => {
      if (isFailing()) return
      typing.set(`${roomId} ${userId}`, typingEdu(roomId, userId, isTyping))
      wake()
    },
    receipt: (receipt) => {
      receipts.set(`${receipt.roomId} ${receipt.userId} ${receipt.thread}`, receipt)
      if (receipts.size > mostReceipts) receipts.delete(receipts.keys().next().value ?? '')
      wake()
    },
    devices: (user) => {
      changed.add(user)
      if (isFailing()) void owe().catch(onError)
      wake()
    },
    look: () => {
      isMail = true
      wake()
    },
    retry: () => {
      clearTimeout(timer)
      wake()
    },
    get oldest() {
      if (isFailing()) return undefined
      return (inFlight?.parcels[0] ?? parcels[0])?.position
    },
    get waiting() {
      return {
        events: parcels.length + (inFlight?.parcels.length ?? 0),
        edus: typing.size + receipts.size + changed.size,
      }
    },
    stop: async () => {
      stopped.abort()
      clearTimeout(timer)
      await owe()
      await running
    },
  }
}

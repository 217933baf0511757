import { MatrixError } from '../matrix/errors.ts'
import { isLocalUser, isUserId } from '../matrix/ids.ts'
import type { JsonObject } from '../matrix/json.ts'
import { loadingCache, type Cache } from '../storage/index.ts'
import type { LogTx } from '../streams/index.ts'
import type { DevicesDeps } from './deps.ts'
import { readDeviceNid, readDeviceNids } from './store/devices.ts'
import {
  deleteMessages,
  insertMessage,
  insertSharedContent,
  noteTxn,
  readMailbox,
  readMessages,
  saveCut,
  trimAccount,
  trimMessages,
  trimTransactions,
  type Mailbox,
} from './store/to-device.ts'

/** Content by user id and device id; the device id `*` stands for every device of the user. */
export type Messages = Readonly<Record<string, Readonly<Record<string, JsonObject>>>>

export interface Transaction {
  /** Short id of the sending device, or another number that is the sender's alone. */
  readonly sender: number
  readonly txnId: string
}

export interface ToDevice {
  /**
   * Leaves messages for devices of this server's users, and of others where these are talked to; whoever is unknown here is passed over. The
   * same transaction does nothing when it comes again. @throws MatrixError M_TOO_LARGE
   */
  send(sender: string, type: string, messages: Messages, transaction: Transaction): Promise<void>
  /**
   * The events that a sync hands to the device, oldest first; without a promise when there are none. `since` is the token that
   * the sync came with: whatever was handed over together with that token is deleted. `until` is the token that it will answer.
   */
  take(
    device: number,
    since: number | undefined,
    until: number,
    limit?: number,
  ): readonly JsonObject[] | Promise<readonly JsonObject[]>
  /** The events that wait after a position (and not after `until`), oldest first, none of which is deleted; up to where they go, and whether there are more. */
  look(
    device: number,
    after: number,
    limit: number,
    until?: number,
  ): Promise<{ events: readonly JsonObject[]; upTo: number; hasMore: boolean }>
}

/** What a `to_device` entry of the log says besides its user. */
export interface ToDeviceNews {
  /** Short ids of the devices that something waits for. */
  readonly devices: readonly number[]
}

interface Waiting extends Mailbox {
  deletedUpTo: number
}

/** As the specification recommends. */
const atOnce = 100
const largestMessage = 65_536
/** A device that is never heard of again must not fill the disk. */
const mostWaiting = 10_000
/** Of all devices of an account together; beyond, the oldest go. */
const mostOfAccount = { rows: 50_000, bytes: 64 * 1024 * 1024 }
/** Devices that one request may reach. */
const mostTargets = 2000
/** Characters of one answer, unless a single message has more. */
const largestAnswer = 2 * 1024 * 1024
const mostTransactions = 1000
/** How often, in messages, these bounds are looked after; for an account, in bytes too. */
const trimEvery = 256
const trimEveryBytes = 4 * 1024 * 1024

const none: readonly JsonObject[] = []

/** In the database, of a message beside its content. */
const rowBytes = 50

const tooMany = (): MatrixError => new MatrixError('M_TOO_LARGE', `One request can reach ${mostTargets} devices`)

/** Up to where the device has received everything, given the token that it comes with. */
function receivedUpTo(mailbox: Mailbox, since: number | undefined): number {
  if (since === undefined) return 0
  const { cut_token: token, cut_position: position } = mailbox
  if (token === null || position === null || since > token) return since
  // An older token than that of the answer which was cut short: a retry, of which nothing is known but what was deleted before.
  return since === token ? position : 0
}

function encode(sender: string, type: string, content: JsonObject): string {
  const json = JSON.stringify({ sender, type, content })
  if (Buffer.byteLength(json) > largestMessage)
    throw new MatrixError('M_TOO_LARGE', 'A message to a device can have 64 KiB')
  return json
}

/** How many of the messages one answer has room for. */
function fitting(rows: readonly { readonly json: string }[], limit: number): number {
  let left = largestAnswer
  const beyond = rows.slice(0, limit).findIndex(({ json }, index) => (left -= json.length) < 0 && index > 0)
  return beyond === -1 ? Math.min(limit, rows.length) : beyond
}

const decode = ({ json }: { json: string }): JsonObject => JSON.parse(json) as JsonObject // written by `encode`

/** Messages to devices: kept until a sync proves that they arrived. */
export function openToDevice(deps: DevicesDeps): ToDevice {
  const { database, log, users, serverName, now } = deps
  const mailboxes = loadingCache<number, Waiting>(
    database.memory,
    { name: 'mailboxes', weigh: 150 },
    async (device) => {
      const mailbox = await readMailbox(database.read, device)
      return mailbox && { ...mailbox, deletedUpTo: 0 }
    },
  )
  const sinceTrim = database.memory.cache<number, number>({ name: 'mailbox counts', weigh: 10 })

  const bytesSinceTrim = database.memory.cache<number, number>({ name: 'bytes for accounts', weigh: 10 })

  log.listen((entry) => {
    if (entry.kind !== 'to_device') return
    for (const device of (entry.data as ToDeviceNews).devices) {
      // such entries are made here alone
      const mailbox = mailboxes.peek(device)
      if (mailbox) mailbox.newest = entry.position
      else mailboxes.drop(device)
    }
  })

  /** True once in a while. */
  const isTrimDue = (counts: Cache<number, number>, key: number, more: number, every: number): boolean => {
    const count = (counts.get(key) ?? 0) + more
    counts.set(key, count >= every ? 0 : count)
    return count >= every
  }

  /** Returns how many devices it is for. */
  const deliver = async (
    tx: LogTx,
    user: number,
    json: ReadonlyMap<string, string>,
    mostDevices: number,
  ): Promise<number> => {
    const targets = new Map<number, string>()
    const all = json.get('*')
    if (all !== undefined) for (const { nid } of await readDeviceNids(tx.sql, user)) targets.set(nid, all)
    for (const [deviceId, message] of json) {
      const nid = deviceId === '*' ? undefined : await readDeviceNid(tx.sql, user, deviceId)
      if (nid !== undefined) targets.set(nid, message)
    }
    if (targets.size === 0) return 0
    if (targets.size > mostDevices) throw tooMany()
    const data: ToDeviceNews = { devices: [...targets.keys()] }
    const position = tx.append({ kind: 'to_device', user, wake: [user], data, bytes: 100 + 8 * targets.size })
    let sharers = 0
    let size = 0
    for (const [device, message] of targets) {
      const isShared = message === all && targets.size > 1
      if (isShared) sharers += 1
      else size += message.length
      await insertMessage(tx.sql, device, position, isShared ? '' : message)
      if (isTrimDue(sinceTrim, device, 1, trimEvery)) await trimMessages(tx.sql, device, mostWaiting)
    }
    if (all !== undefined && sharers > 0) {
      await insertSharedContent(tx.sql, user, position, all)
      size += all.length
    }
    if (isTrimDue(bytesSinceTrim, user, size + targets.size * rowBytes, trimEveryBytes))
      await trimAccount(tx.sql, user, mostOfAccount)
    return targets.size
  }

  /** The answer is cut short: the next sync is to come at once, and to find the log further on. */
  const cut = (device: number, mailbox: Waiting, token: number, position: number): void => {
    Object.assign(mailbox, { cut_token: token, cut_position: position })
    const data: ToDeviceNews = { devices: [device] }
    log.publish({ kind: 'to_device', user: mailbox.user_nid, wake: [mailbox.user_nid], data })
  }

  const hand = async (
    device: number,
    since: number | undefined,
    until: number,
    limit: number,
  ): Promise<readonly JsonObject[]> => {
    const mailbox = await mailboxes.get(device)
    if (!mailbox || mailbox.newest === 0) return none
    // The token of an answer that was cut short stands for that answer alone: the next part has to get another.
    if (since === until && since === mailbox.cut_token) return none
    const received = receivedUpTo(mailbox, since)
    const rows = received >= mailbox.newest ? [] : await readMessages(database.read, device, received, until, limit + 1)
    const count = fitting(rows, limit)
    const last = rows.length > count ? rows[count - 1] : undefined
    if (received > mailbox.deletedUpTo || last) {
      await database.write(async (tx) => {
        await deleteMessages(tx, mailbox.user_nid, device, received)
        if (last) await saveCut(tx, device, until, last.position)
      })
      mailbox.deletedUpTo = Math.max(mailbox.deletedUpTo, received)
      if (mailbox.newest <= received) mailbox.newest = 0
      if (last) cut(device, mailbox, until, last.position)
    }
    return rows.slice(0, count).map(decode)
  }

  return {
    send: async (sender, type, messages, transaction) => {
      const mail: Array<{ user: number; json: Map<string, string> }> = []
      const elsewhere: Record<string, Readonly<Record<string, JsonObject>>> = {}
      let left = mostTargets
      for (const byDevice of Object.values(messages)) if ((left -= Object.keys(byDevice).length) < 0) throw tooMany()
      left = mostTargets
      for (const [userId, byDevice] of Object.entries(messages)) {
        const isOurs = isLocalUser(userId, serverName)
        const user = isOurs ? await users.find(userId) : undefined
        const json = new Map(
          Object.entries(byDevice)
            .filter(([deviceId]) => !deviceId.includes('\0'))
            .map(([deviceId, content]) => [deviceId, encode(sender, type, content)]),
        )
        if (user !== undefined && json.size > 0) mail.push({ user, json })
        else if (!isOurs && isUserId(userId)) elsewhere[userId] = byDevice
      }
      const servers = await log.write(async (tx) => {
        if (!(await noteTxn(tx.sql, transaction.sender, type, transaction.txnId, now()))) return []
        if (isTrimDue(sinceTrim, -1 - Math.abs(transaction.sender), 1, trimEvery))
          await trimTransactions(tx.sql, transaction.sender, mostTransactions)
        for (const { user, json } of mail) left -= await deliver(tx, user, json, left)
        const isAbroad = deps.remote !== undefined && isLocalUser(sender, serverName)
        return isAbroad && Object.keys(elsewhere).length > 0
          ? ((await deps.remote?.leave(tx.sql, sender, type, elsewhere)) ?? [])
          : []
      })
      if (servers.length > 0) deps.remote?.sent(servers)
    },
    take: (device, since, until, limit = atOnce) =>
      mailboxes.peek(device)?.newest === 0 ? none : hand(device, since, until, limit),
    look: async (device, after, limit, until = log.now) => {
      const rows = await readMessages(database.read, device, after, until, limit + 1)
      const handed = rows.slice(0, fitting(rows, limit))
      return {
        events: handed.map(decode),
        upTo: handed.at(-1)?.position ?? after,
        hasMore: rows.length > handed.length,
      }
    },
  }
}

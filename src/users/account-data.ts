import { MatrixError } from '../matrix/errors.ts'
import { isObject, own, type JsonObject } from '../matrix/json.ts'
import { loadingCache, type Database } from '../storage/index.ts'
import type { Log, LogTx } from '../streams/index.ts'
import { measureAccountData, readAccountData, readAccountDataSince, saveAccountData } from './store/account-data.ts'

/** One piece of account data, as sync hands it on. */
export interface AccountDataItem {
  /** Short id of the room; undefined for what belongs to none. */
  readonly room: number | undefined
  readonly type: string
  readonly content: JsonObject
  readonly position: number
}

/** What an `account_data` entry of the log says besides its user and room. */
export interface AccountDataNews {
  readonly type: string
  /** Undefined where it is too large to be kept in memory. */
  readonly content: JsonObject | undefined
}

/** What users keep on the server for their own clients, by type: for the account, or for a room. */
export interface AccountData {
  get(user: number, room: number | undefined, type: string): Promise<JsonObject | undefined>
  /**
   * As a client sets it. @throws MatrixError 405 M_BAD_JSON for a type that the server manages, M_TOO_LARGE beyond what one may keep
   */
  set(user: number, room: number | undefined, type: string, content: JsonObject): Promise<void>
  /** Changes what is there (`{}` where nothing is) in one step. @throws MatrixError as `set` */
  edit(user: number, room: number | undefined, type: string, change: (content: JsonObject) => JsonObject): Promise<void>
  /** Sets any type, inside a write: for what the server manages. Returns its position. */
  put(tx: LogTx, user: number, room: number | undefined, type: string, content: JsonObject): Promise<number>
  /** What changed in `(since, until]`, the newest of each; everything when `since` is 0. Without a promise when memory goes back that far. */
  since(user: number, since: number, until: number): readonly AccountDataItem[] | Promise<readonly AccountDataItem[]>
  /** The user ids that the user ignores; without a promise when it is in memory. */
  ignored(user: number): ReadonlySet<string> | Promise<ReadonlySet<string>>
}

/** Types that other endpoints set. */
const managed = new Set(['m.fully_read', 'm.push_rules'])
const ignoredUsers = 'm.ignored_user_list'
const largestItem = 256 * 1024
const mostItems = 50_000
const mostBytes = 16 * 1024 * 1024
/** Larger content is read from the table instead of being kept in the log's tail. */
const largestInMemory = 8 * 1024
/** Content takes so many bytes for each character of its JSON. */
const contentFactor = 8

const none: readonly AccountDataItem[] = []

const tooLarge = (message: string): MatrixError => new MatrixError('M_TOO_LARGE', message)

/** In memory, of a set of short texts. */
const stringsBytes = (texts: ReadonlySet<string>): number => {
  let bytes = 100
  for (const text of texts) bytes += 50 + 2 * text.length
  return bytes
}

function ignoredIn(content: unknown): ReadonlySet<string> {
  const users = own(content, 'ignored_users')
  return new Set(isObject(users) ? Object.keys(users) : [])
}

export function openAccountData(database: Database, log: Log): AccountData {
  const parse = (text: string | undefined): JsonObject | undefined =>
    text === undefined ? undefined : (JSON.parse(text) as JsonObject) // `put` writes objects alone

  const ignoreLists = loadingCache<number, ReadonlySet<string>>(
    database.memory,
    { name: 'ignored users', weigh: stringsBytes },
    async (user) => ignoredIn(parse(await readAccountData(database.read, user, 0, ignoredUsers))),
  )

  log.listen((entry) => {
    if (entry.kind !== 'account_data' || entry.user === undefined || entry.room !== undefined) return
    if ((entry.data as AccountDataNews).type === ignoredUsers) ignoreLists.drop(entry.user) // such entries are made here alone
  })

  const put = async (
    tx: LogTx,
    user: number,
    room: number | undefined,
    type: string,
    content: JsonObject,
  ): Promise<number> => {
    const text = JSON.stringify(content)
    const isKept = text.length <= largestInMemory
    const data: AccountDataNews = { type, content: isKept ? content : undefined }
    const position = tx.append({
      kind: 'account_data',
      user,
      ...(room !== undefined && { room }),
      wake: [user],
      data,
      bytes: 200 + (isKept ? contentFactor * text.length : 0),
    })
    await saveAccountData(tx.sql, user, { room_nid: room ?? 0, type, content: text, position })
    return position
  }

  const putWithin = async (
    tx: LogTx,
    user: number,
    room: number | undefined,
    type: string,
    content: JsonObject,
  ): Promise<void> => {
    if (Buffer.byteLength(JSON.stringify(content)) > largestItem)
      throw tooLarge(`One piece of account data can have ${largestItem} bytes`)
    await put(tx, user, room, type, content)
    const { items, bytes } = await measureAccountData(tx.sql, user)
    if (items > mostItems || bytes > mostBytes) throw tooLarge('This account has too much account data')
  }

  const checkType = (type: string): void => {
    if (managed.has(type)) throw new MatrixError('M_BAD_JSON', `${type} is not set through this API`, { status: 405 })
  }

  const readSince = async (user: number, since: number, until: number): Promise<readonly AccountDataItem[]> =>
    (await readAccountDataSince(database.read, user, since, until)).map((row) => ({
      room: row.room_nid === 0 ? undefined : row.room_nid,
      type: row.type,
      content: parse(row.content) ?? {},
      position: row.position,
    }))

  return {
    put,
    get: async (user, room, type) => parse(await readAccountData(database.read, user, room ?? 0, type)),
    set: async (user, room, type, content) => {
      checkType(type)
      await log.write((tx) => putWithin(tx, user, room, type, content))
    },
    edit: async (user, room, type, change) => {
      checkType(type)
      await log.write(async (tx) => {
        const before = parse(await readAccountData(tx.sql, user, room ?? 0, type)) ?? {}
        await putWithin(tx, user, room, type, change(before))
      })
    },
    since: (user, since, until) => {
      if (!log.tail.covers(since)) return readSince(user, since, until)
      const entries = log.tail.user(user, since, until)
      if (entries.length === 0) return none
      const newest = new Map<string, AccountDataItem>()
      for (const entry of entries) {
        if (entry.kind !== 'account_data') continue
        const { type, content } = entry.data as AccountDataNews // such entries are made here alone
        if (content === undefined) return readSince(user, since, until)
        const key = `${entry.room ?? 0} ${type}`
        newest.delete(key)
        newest.set(key, { room: entry.room, type, content, position: entry.position })
      }
      return newest.size === 0 ? none : [...newest.values()]
    },
    ignored: (user) => ignoreLists.get(user) as ReadonlySet<string> | Promise<ReadonlySet<string>>, // its loader always gives a set
  }
}

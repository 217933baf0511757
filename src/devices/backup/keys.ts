import { MatrixError } from '../../matrix/errors.ts'
import { isRoomId } from '../../matrix/ids.ts'
import type { JsonObject } from '../../matrix/json.ts'
import type { Database, Reader, Tx } from '../../storage/index.ts'
import {
  deleteSomeKeys,
  insertKeys,
  measureBackups,
  readBackup,
  readKey,
  readKeyPage,
  readKeysOf,
  readNewestBackup,
  replaceKey,
  saveTotals,
  type BackedUpKeyRow,
  type BackupPart,
  type BackupRow,
} from '../store/backup.ts'
import { deletedAtOnce, mustFind, noBackup, versionNumber } from './versions.ts'

/** The key of a session, as a client has encrypted it. */
export interface BackedUpKey {
  readonly first_message_index: number
  readonly forwarded_count: number
  readonly is_verified: boolean
  readonly session_data: JsonObject
}

/** Keys by room id and session id. */
export type RoomKeys = Readonly<Record<string, Readonly<Record<string, BackedUpKey>>>>

/** What a client is told after each change. */
export interface BackupState {
  readonly etag: string
  readonly count: number
}

/** The keys in a user's backups. */
export interface BackupKeys {
  /**
   * Adds keys to the newest backup; of two for one session the better one stays.
   * @throws MatrixError M_WRONG_ROOM_KEYS_VERSION, M_NOT_FOUND, M_INVALID_PARAM, M_TOO_LARGE, M_RESOURCE_LIMIT_EXCEEDED
   */
  put(user: number, version: string, keys: RoomKeys): Promise<BackupState>
  /** One key. @throws MatrixError M_NOT_FOUND */
  get(user: number, version: string, roomId: string, sessionId: string): Promise<BackedUpKey>
  /**
   * All keys, by room, or those of one room: the answer as JSON text, in parts, so that it is nowhere in memory whole.
   * @throws MatrixError M_NOT_FOUND
   */
  all(user: number, version: string, roomId?: string): Promise<AsyncIterable<string>>
  /** Deletes a part of a backup. @throws MatrixError M_NOT_FOUND */
  delete(user: number, version: string, part: BackupPart): Promise<BackupState>
}

const largestSession = 32 * 1024
const longestSessionId = 255
/** Of all of a user's backups. */
const mostKeys = 1_000_000
const mostBytes = 2 * 1024 ** 3
const pageSize = 500
/** Keys in one write: everyone else's writes wait for it. */
const keysAtOnce = 500

const stateOf = (row: Pick<BackupRow, 'etag' | 'keys'>): BackupState => ({ etag: String(row.etag), count: row.keys })

const fromRow = (row: BackedUpKeyRow): BackedUpKey => ({
  first_message_index: row.first_message_index,
  forwarded_count: row.forwarded_count,
  is_verified: row.is_verified === 1,
  session_data: JSON.parse(row.session_data) as JsonObject, // `toRow` wrote it
})

const textOf = (row: BackedUpKeyRow): string =>
  `${JSON.stringify(row.session_id)}:{"first_message_index":${row.first_message_index},` +
  `"forwarded_count":${row.forwarded_count},"is_verified":${row.is_verified === 1},"session_data":${row.session_data}}`

/** @throws MatrixError M_INVALID_PARAM, M_TOO_LARGE */
function toRow(roomId: string, sessionId: string, key: BackedUpKey): BackedUpKeyRow {
  const shown = roomId.slice(0, 64)
  if (!isRoomId(roomId)) throw new MatrixError('M_INVALID_PARAM', `"${shown}" is not a room id`)
  if (sessionId === '' || sessionId.length > longestSessionId || sessionId.includes('\0')) {
    throw new MatrixError('M_INVALID_PARAM', `"${sessionId.slice(0, 64)}" is not the id of a session`)
  }
  const sessionData = JSON.stringify(key.session_data)
  if (Buffer.byteLength(sessionData) > largestSession)
    throw new MatrixError('M_TOO_LARGE', `The data of a session can have ${largestSession} bytes`)
  return {
    room_id: roomId,
    session_id: sessionId,
    first_message_index: key.first_message_index,
    forwarded_count: key.forwarded_count,
    is_verified: key.is_verified ? 1 : 0,
    session_data: sessionData,
  }
}

/** Whether a key takes the place of another. @see https://spec.matrix.org/v1.19/client-server-api/#server-side-key-backups */
export function isBetter(key: BackedUpKeyRow, before: BackedUpKeyRow): boolean {
  if (key.is_verified !== before.is_verified) return key.is_verified > before.is_verified
  if (key.first_message_index !== before.first_message_index)
    return key.first_message_index < before.first_message_index
  return key.forwarded_count < before.forwarded_count
}

/** The newest backup, if that is the one that is meant. @throws MatrixError M_WRONG_ROOM_KEYS_VERSION, M_NOT_FOUND */
async function writable(tx: Tx, user: number, version: string): Promise<BackupRow> {
  const newest = await readNewestBackup(tx, user)
  const number = versionNumber(version)
  if (!newest || number === undefined) throw noBackup()
  if (newest.version === number) return newest
  if (!(await readBackup(tx, user, number))) throw noBackup()
  throw new MatrixError('M_WRONG_ROOM_KEYS_VERSION', 'This is not the newest backup', {
    extra: { current_version: String(newest.version) },
  })
}

const bytesOf = (rows: readonly BackedUpKeyRow[]): number =>
  rows.reduce((sum, row) => sum + Buffer.byteLength(row.session_data), 0)

interface Growth {
  readonly keys: number
  readonly bytes: number
  readonly changed: boolean
}

/** Stores the keys of one room. */
async function putRoom(
  tx: Tx,
  user: number,
  version: number,
  roomId: string,
  rows: readonly BackedUpKeyRow[],
): Promise<Growth> {
  const present = new Map(
    (
      await readKeysOf(
        tx,
        user,
        version,
        roomId,
        rows.map((row) => row.session_id),
      )
    ).map((row) => [row.session_id, row]),
  )
  const added = rows.filter((row) => !present.has(row.session_id))
  await insertKeys(tx, user, version, added)
  let [bytes, changed] = [bytesOf(added), added.length > 0]
  for (const row of rows) {
    const before = present.get(row.session_id)
    if (!before || !isBetter(row, before)) continue
    await replaceKey(tx, user, version, row)
    bytes += bytesOf([row]) - bytesOf([before])
    changed = true
  }
  return { keys: added.length, bytes, changed }
}

async function* texts(db: Reader, user: number, version: number, room: string | undefined): AsyncGenerator<string> {
  let after = { roomId: '', sessionId: '' }
  let open: string | undefined
  yield room === undefined ? '{"rooms":{' : '{"sessions":{'
  for (;;) {
    const page = await readKeyPage(db, user, version, room, after, pageSize)
    let text = ''
    for (const row of page) {
      if (open === row.room_id) text += ','
      else if (room === undefined)
        text += `${open === undefined ? '' : '}},'}${JSON.stringify(row.room_id)}:{"sessions":{`
      open = row.room_id
      text += textOf(row)
    }
    yield text
    const last = page.at(-1)
    if (!last || page.length < pageSize) break
    after = { roomId: last.room_id, sessionId: last.session_id }
  }
  yield room === undefined && open !== undefined ? '}}}}' : '}}'
}

/** Stores some keys in one write. */
const putSome = (
  database: Database,
  user: number,
  version: string,
  rows: readonly BackedUpKeyRow[],
): Promise<BackupState> =>
  database.write(async (tx) => {
    const backup = await writable(tx, user, version)
    const grown = { ...backup }
    let changed = false
    for (const [roomId, ofRoom] of Map.groupBy(rows, (row) => row.room_id)) {
      const growth = await putRoom(tx, user, backup.version, roomId, ofRoom)
      grown.keys += growth.keys
      grown.bytes += growth.bytes
      changed ||= growth.changed
    }
    if (!changed) return stateOf(backup)
    grown.etag += 1
    await saveTotals(tx, user, grown)
    const all = await measureBackups(tx, user)
    if (all.keys > mostKeys || all.bytes > mostBytes)
      throw new MatrixError('M_RESOURCE_LIMIT_EXCEEDED', 'Your backups are as large as they can be')
    return stateOf(grown)
  })

/** Deletes some keys in one write. */
const deleteSome = (
  database: Database,
  user: number,
  version: string,
  part: BackupPart,
): Promise<{ state: BackupState; gone: number }> =>
  database.write(async (tx) => {
    const backup = await mustFind(tx, user, version)
    const gone = await deleteSomeKeys(tx, user, backup.version, part, deletedAtOnce)
    if (gone.keys === 0) return { state: stateOf(backup), gone: 0 }
    const left = { ...backup, etag: backup.etag + 1, keys: backup.keys - gone.keys, bytes: backup.bytes - gone.bytes }
    await saveTotals(tx, user, left)
    return { state: stateOf(left), gone: gone.keys }
  })

export const openBackupKeys = (database: Database): BackupKeys => ({
  put: async (user, version, keys) => {
    const rows = Object.entries(keys).flatMap(([roomId, sessions]) =>
      Object.entries(sessions).map(([sessionId, key]) => toRow(roomId, sessionId, key)),
    )
    let state = await putSome(database, user, version, rows.slice(0, keysAtOnce))
    for (let start = keysAtOnce; start < rows.length; start += keysAtOnce)
      state = await putSome(database, user, version, rows.slice(start, start + keysAtOnce))
    return state
  },
  get: async (user, version, roomId, sessionId) => {
    const backup = await mustFind(database.read, user, version)
    const row = await readKey(database.read, user, backup.version, roomId, sessionId)
    if (!row) throw new MatrixError('M_NOT_FOUND', 'The backup has no key of this session')
    return fromRow(row)
  },
  all: async (user, version, roomId) =>
    texts(database.read, user, (await mustFind(database.read, user, version)).version, roomId),
  delete: async (user, version, part) => {
    for (;;) {
      const { state, gone } = await deleteSome(database, user, version, part)
      if (gone < deletedAtOnce) return state
    }
  },
})

import { MatrixError } from '../../matrix/errors.ts'
import { checkCanonical, own, type JsonObject } from '../../matrix/json.ts'
import type { Database, Reader, Tx } from '../../storage/index.ts'
import { isKey32 } from '../keys/parse.ts'
import {
  deleteSomeKeys,
  forgetDeletedBackups,
  insertBackup,
  markAllBackupsDeleted,
  markBackupDeleted,
  measureBackups,
  readBackup,
  readDeletedBackups,
  readLastVersion,
  readNewestBackup,
  saveAuthData,
  type BackupRow,
} from '../store/backup.ts'

/** How a backup's keys are encrypted. */
export interface BackupMethod {
  readonly algorithm: string
  readonly auth_data: JsonObject
}

/** What a client is told of a backup. */
export interface BackupInfo extends BackupMethod {
  readonly version: string
  readonly count: number
  /** Changes whenever keys do. */
  readonly etag: string
}

/** The versions of a user's backup; keys go into the newest. */
export interface BackupVersions {
  /** Returns the new version. @throws MatrixError for `auth_data` that is malformed, and for too many backups */
  create(user: number, method: BackupMethod): Promise<string>
  /** The newest when no version is named. @throws MatrixError M_NOT_FOUND */
  info(user: number, version?: string): Promise<BackupInfo>
  /** @throws MatrixError M_NOT_FOUND, M_INVALID_PARAM when something else than `auth_data` would change */
  update(user: number, version: string, method: BackupMethod & { readonly version?: string }): Promise<void>
  /** Does nothing to one that was deleted before. @throws MatrixError M_NOT_FOUND for one that never was */
  delete(user: number, version: string): Promise<void>
  deleteAll(user: number): Promise<void>
}

const mostVersions = 20
/** Keys that are deleted in one write: everyone else's writes wait for it. */
export const deletedAtOnce = 2000
const largestAuthData = 32 * 1024

const wrong = (message: string): MatrixError => new MatrixError('M_INVALID_PARAM', message)

export const noBackup = (): MatrixError => new MatrixError('M_NOT_FOUND', 'You have no such backup')

/** The number of a version; undefined for what never is one. */
export const versionNumber = (version: string): number | undefined =>
  /^[1-9]\d{0,14}$/.test(version) ? Number(version) : undefined

/** @throws MatrixError M_NOT_FOUND */
export async function mustFind(db: Reader | Tx, user: number, version: string): Promise<BackupRow> {
  const number = versionNumber(version)
  const row = number === undefined ? undefined : await readBackup(db, user, number)
  if (!row) throw noBackup()
  return row
}

/** Methods that are not known are passed on. @throws MatrixError M_INVALID_PARAM, M_TOO_LARGE, M_BAD_JSON */
function checkMethod({ algorithm, auth_data: authData }: BackupMethod): string {
  checkCanonical(authData)
  if (algorithm === 'm.megolm_backup.v1.curve25519-aes-sha2' && !isKey32(own(authData, 'public_key'))) {
    throw wrong('"auth_data.public_key" is not 32 bytes in unpadded base64')
  }
  const text = JSON.stringify(authData)
  if (Buffer.byteLength(text) > largestAuthData)
    throw new MatrixError('M_TOO_LARGE', `"auth_data" can have ${largestAuthData} bytes`)
  return text
}

const toInfo = (row: BackupRow): BackupInfo => ({
  algorithm: row.algorithm,
  auth_data: JSON.parse(row.auth_data) as JsonObject, // `checkMethod` wrote it
  version: String(row.version),
  count: row.keys,
  etag: String(row.etag),
})

export const openBackupVersions = (database: Database): BackupVersions => ({
  create: (user, method) => {
    const authData = checkMethod(method)
    return database.write(async (tx) => {
      const { versions } = await measureBackups(tx, user)
      if (versions >= mostVersions)
        throw new MatrixError('M_RESOURCE_LIMIT_EXCEEDED', `You have ${versions} backups: delete one of them first`)
      const version = (await readLastVersion(tx, user)) + 1
      await insertBackup(tx, user, version, method.algorithm, authData)
      return String(version)
    })
  },
  info: async (user, version) => {
    if (version !== undefined) return toInfo(await mustFind(database.read, user, version))
    const row = await readNewestBackup(database.read, user)
    if (!row) throw noBackup()
    return toInfo(row)
  },
  update: (user, version, method) => {
    const authData = checkMethod(method)
    if (method.version !== undefined && method.version !== version)
      throw wrong('"version" differs from that of the path')
    return database.write(async (tx) => {
      const row = await mustFind(tx, user, version)
      if (row.algorithm !== method.algorithm) throw wrong('The algorithm of a backup cannot change')
      await saveAuthData(tx, user, row.version, authData)
    })
  },
  delete: async (user, version) => {
    await database.write(async (tx) => {
      const number = versionNumber(version)
      // Versions are counted: whatever is not above the newest was there once.
      if (number === undefined || number > (await readLastVersion(tx, user))) throw noBackup()
      if (await readBackup(tx, user, number)) await markBackupDeleted(tx, user, number)
    })
    await sweep(database, user)
  },
  deleteAll: async (user) => {
    await database.write((tx) => markAllBackupsDeleted(tx, user))
    await sweep(database, user)
  },
})

/** Deletes the keys of the user's deleted backups, a part in each write; what a crash leaves, the next time finds. */
async function sweep(database: Database, user: number): Promise<void> {
  const versions = await readDeletedBackups(database.read, user)
  for (const version of versions) {
    while ((await database.write((tx) => deleteSomeKeys(tx, user, version, {}, deletedAtOnce))).keys === deletedAtOnce)
      continue
  }
  await database.write((tx) => forgetDeletedBackups(tx, user, versions))
}

import { MatrixError } from '../../matrix/errors.ts'
import { checkCanonical, type JsonObject } from '../../matrix/json.ts'
import type { Database } from '../../storage/index.ts'
import type { Log, LogTx } from '../../streams/index.ts'
import type { Counts } from '../keys/counts.ts'
import { parseUpload, type KeysBody } from '../keys/keys.ts'
import { storeUpload } from '../keys/upload.ts'
import { insertDehydrated, readDehydrated } from '../store/dehydrated.ts'
import { readDeviceNid } from '../store/devices.ts'
import type { ToDevice } from '../to-device.ts'

/** What a client leaves of a device, encrypted, for a later client to take up. */
export interface DehydratedDevice {
  readonly deviceId: string
  readonly data: JsonObject
}

export interface NewDehydratedDevice extends DehydratedDevice {
  readonly displayName: string | undefined
  readonly keys: KeysBody & { readonly device_keys: JsonObject }
}

/** A part of the messages that wait for a dehydrated device. */
export interface DehydratedEvents {
  readonly events: readonly JsonObject[]
  /** Where the next part begins; the same as before when there is nothing more. */
  readonly next: string
  readonly hasMore: boolean
}

/** A device of which nobody is the client: it receives keys while its user is signed in nowhere. */
export interface Dehydrated {
  /** Takes the place of the one before. @throws MatrixError for keys that are malformed, or when a device in use has the id */
  put(user: { readonly user: number; readonly userId: string }, device: NewDehydratedDevice): Promise<void>
  /** @throws MatrixError M_NOT_FOUND */
  get(user: number): Promise<DehydratedDevice>
  /** Returns its device id. @throws MatrixError M_NOT_FOUND */
  delete(user: number): Promise<string>
  /**
   * Messages that wait for it, oldest first. Reading deletes none: whoever is interrupted can begin again.
   * @throws MatrixError M_FORBIDDEN for another device, M_INVALID_PARAM for a token that is none
   */
  events(user: number, deviceId: string, from: string | undefined, limit: number): Promise<DehydratedEvents>
}

export interface DehydratedDeps {
  readonly database: Database
  readonly log: Log
  readonly counts: Counts
  readonly toDevice: ToDevice
  /** The user's device of that id, made now. */
  readonly make: (tx: LogTx, user: number, deviceId: string, displayName: string | undefined) => Promise<number>
  /** Deletes a device with all that belongs to it. */
  readonly remove: (tx: LogTx, user: number, deviceId: string) => Promise<void>
}

const largestData = 256 * 1024

const none = (): MatrixError => new MatrixError('M_NOT_FOUND', 'You have no dehydrated device')

function readToken(text: string | undefined): number {
  if (text === undefined) return 0
  if (!/^\d{1,15}$/.test(text)) throw new MatrixError('M_INVALID_PARAM', 'This is not a token of this server')
  return Number(text)
}

/** @see https://github.com/matrix-org/matrix-spec-proposals/pull/3814 */
export const openDehydrated = (deps: DehydratedDeps): Dehydrated => ({
  put: async ({ user, userId }, { deviceId, data, displayName, keys }) => {
    checkCanonical(data)
    const text = JSON.stringify(data)
    if (Buffer.byteLength(text) > largestData)
      throw new MatrixError('M_TOO_LARGE', `A dehydrated device can have ${largestData} bytes`)
    const upload = parseUpload({ userId, deviceId }, keys)
    // Nobody encrypts to a device that vouches for nothing, and this one is there to be encrypted to.
    if (upload.deviceKeys && upload.deviceKeys.signature === undefined)
      throw new MatrixError('M_INVALID_SIGNATURE', 'The device keys are not signed by the device')
    const device = await deps.log.write(async (tx) => {
      const before = await readDehydrated(tx.sql, user)
      if (before) await deps.remove(tx, user, before.device_id)
      if ((await readDeviceNid(tx.sql, user, deviceId)) !== undefined)
        throw new MatrixError('M_FORBIDDEN', 'Another of your devices has this id')
      const nid = await deps.make(tx, user, deviceId, displayName)
      await insertDehydrated(tx.sql, user, nid, text)
      await storeUpload(tx, { user, userId, device: nid, deviceId }, upload)
      return nid
    })
    deps.counts.changed(device)
  },
  get: async (user) => {
    const row = await readDehydrated(deps.database.read, user)
    if (!row) throw none()
    return { deviceId: row.device_id, data: JSON.parse(row.data) as JsonObject } // `put` wrote it
  },
  delete: (user) =>
    deps.log.write(async (tx) => {
      const row = await readDehydrated(tx.sql, user)
      if (!row) throw none()
      await deps.remove(tx, user, row.device_id)
      return row.device_id
    }),
  events: async (user, deviceId, from, limit) => {
    const row = await readDehydrated(deps.database.read, user)
    if (row?.device_id !== deviceId) throw new MatrixError('M_FORBIDDEN', 'This is not your dehydrated device')
    const after = readToken(from)
    const { events, upTo, hasMore } = await deps.toDevice.look(row.device_nid, after, limit)
    return { events, next: String(upTo), hasMore }
  },
})

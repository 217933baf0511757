import { MatrixError } from '../matrix/errors.ts'
import { openSequence, type Tx } from '../storage/index.ts'
import type { LogTx } from '../streams/index.ts'
import { announceChange } from './announce.ts'
import type { DevicesDeps } from './deps.ts'
import { openEncryption, type Encryption } from './encryption.ts'
import { openListChanges, type DeviceListNews } from './list-changes.ts'
import { openSightings } from './seen.ts'
import { readCrossSigning } from './store/cross-signing.ts'
import {
  countDevicesOf,
  deleteDevices,
  insertDevice,
  readDevice,
  readDeviceNid,
  readDeviceNids,
  readDevices,
  readStalest,
  renameDevice,
  type DeviceRow,
} from './store/devices.ts'
import { deleteUnwaited } from './store/to-device.ts'
import { openToDevice, type ToDevice } from './to-device.ts'

/** A device as its owner sees it. */
export interface Device {
  readonly nid: number
  readonly deviceId: string
  readonly displayName: string | null
  readonly createdTs: number
  readonly lastSeenTs: number
  readonly lastSeenIp: string | null
  readonly userAgent: string | null
}

export interface WantedDevice {
  readonly user: number
  /** Made up when absent. At most 512 characters. */
  readonly deviceId?: string | undefined
  /** For a device that is new. */
  readonly displayName?: string | undefined
  readonly ip?: string | undefined
  readonly userAgent?: string | undefined
}

/** What others do when devices go. */
export interface DeletionHook {
  /** In the same write, with the short ids: for rows that belong to them. */
  within?(tx: Tx, devices: readonly number[]): Promise<void>
  /** In the turn of the commit: for what is in memory. */
  after?(devices: readonly number[]): void
}

export interface Devices extends Encryption, AsyncDisposable {
  readonly toDevice: ToDevice
  /**
   * The user's device of that id, made if need be. A user who has as many devices as one may have loses the one that was seen
   * longest ago. @throws MatrixError M_INVALID_PARAM
   */
  ensure(tx: LogTx, wanted: WantedDevice): Promise<{ nid: number; deviceId: string; created: boolean }>
  list(user: number): Promise<Device[]>
  get(user: number, deviceId: string): Promise<Device | undefined>
  /** False when there is no such device. */
  rename(user: number, deviceId: string, displayName: string): Promise<boolean>
  /** Deletes those of the user's devices that are there, with all that waits for them. Returns their short ids. */
  delete(tx: LogTx, user: number, deviceIds: readonly string[]): Promise<readonly number[]>
  /** Deletes all of the user's devices, `but` one. Returns their short ids. */
  deleteAll(tx: LogTx, user: number, but?: number): Promise<readonly number[]>
  onDelete(hook: DeletionHook): void
  /** Devices or keys of a user of another server are not what they were. */
  changedElsewhere(user: number): Promise<void>
  /** Notes that the device was heard of; written down within a minute. */
  seen(device: number, ip: string, userAgent: string | undefined): void
  /**
   * Users, of all that there are, whose devices or keys changed in `(since, until]`: for `device_lists.changed`, after a look at who
   * shares a room. For a viewer those are among them whose keys the viewer has signed.
   */
  listChanges(since: number, until: number, viewer?: number): readonly number[] | Promise<readonly number[]>
}

const mostDevices = 500
const longestDeviceId = 512
const longestName = 255
const longestUserAgent = 512

/** Ten capital letters and digits, of 256 random bits in base64. */
const newDeviceId = (random: string): string =>
  random
    .replaceAll(/[^A-Za-z0-9]/g, '')
    .toUpperCase()
    .slice(0, 10)

function checkDeviceId(deviceId: string): string {
  if (deviceId.length > longestDeviceId)
    throw new MatrixError('M_INVALID_PARAM', `A device id can have ${longestDeviceId} characters`)
  if (deviceId === '' || deviceId.includes('\0')) throw new MatrixError('M_INVALID_PARAM', 'This is not a device id')
  return deviceId
}

/** A name is worth shortening, not worth a refusal: it is given by programs. */
const shortName = (name: string | undefined): string | null =>
  name === undefined ? null : name.replaceAll('\0', '').slice(0, longestName).toWellFormed()

/** The devices of this server's users. */
export async function openDevices(deps: DevicesDeps): Promise<Devices> {
  const { database, log, now } = deps
  const nids = await openSequence(database, 'devices')
  const sightings = openSightings(database, deps.onError)
  const hooks: DeletionHook[] = []
  /** How many devices a user has, at most: what is deleted or not committed is found out about when there seem to be too many. */
  const counts = database.memory.cache<number, number>({ name: 'device_counts', weigh: 16 })

  /** Who shares a room is found out after the commit, and woken by an entry that says nothing else: a sign-in need not wait for that. */
  const wakeSharers = async (user: number): Promise<void> => {
    const wake = await deps.sharers(user)
    log.publish({ kind: 'device_list', wake })
  }

  log.listen((entry) => {
    if (entry.kind !== 'device_list' || entry.user === undefined) return
    wakeSharers(entry.user).catch(deps.onError)
    const { deleted } = entry.data as DeviceListNews // only announce.ts makes such entries
    if (deleted.length === 0) return
    for (const device of deleted) sightings.forget(device)
    for (const hook of hooks) hook.after?.(deleted)
  })

  const remove = async (tx: LogTx, user: number, gone: readonly number[]): Promise<readonly number[]> => {
    if (gone.length === 0) return gone
    for (const hook of hooks) await hook.within?.(tx.sql, gone)
    await deleteDevices(tx.sql, gone)
    await deleteUnwaited(tx.sql, user)
    await announceChange(tx, user, gone)
    return gone
  }

  const fromRow = (row: DeviceRow): Device => {
    const seen = sightings.pending(row.nid)
    return {
      nid: row.nid,
      deviceId: row.device_id,
      displayName: row.display_name,
      createdTs: row.created_ts,
      lastSeenTs: seen?.ts ?? row.last_seen_ts,
      lastSeenIp: seen?.ip ?? row.last_seen_ip,
      userAgent: seen?.userAgent ?? row.user_agent,
    }
  }

  const makeRoom = async (tx: LogTx, user: number): Promise<void> => {
    const supposed = counts.get(user)
    if (supposed === undefined || supposed >= mostDevices) {
      const count = await countDevicesOf(tx.sql, user)
      const excess = count + 1 - mostDevices
      if (excess > 0) await remove(tx, user, await readStalest(tx.sql, user, excess))
      counts.set(user, Math.min(count, mostDevices - 1) + 1)
    } else counts.set(user, supposed + 1)
  }

  const ensure: Devices['ensure'] = async (tx, wanted) => {
    const deviceId = wanted.deviceId === undefined ? newDeviceId(deps.randomId()) : checkDeviceId(wanted.deviceId)
    // An id that was made up just now is nobody's.
    if (wanted.deviceId !== undefined) {
      const known = await readDeviceNid(tx.sql, wanted.user, deviceId)
      if (known !== undefined) return { nid: known, deviceId, created: false }
      if ((await readCrossSigning(tx.sql, wanted.user)).some((key) => key.public_key === deviceId))
        throw new MatrixError('M_FORBIDDEN', 'One of your cross-signing keys has this name')
    }
    await makeRoom(tx, wanted.user)
    const nid = nids.next()
    const ts = now()
    await insertDevice(tx.sql, {
      nid,
      user_nid: wanted.user,
      device_id: deviceId,
      display_name: shortName(wanted.displayName),
      created_ts: ts,
      last_seen_ts: ts,
      last_seen_ip: wanted.ip ?? null,
      user_agent: wanted.userAgent?.slice(0, longestUserAgent) ?? null,
    })
    await announceChange(tx, wanted.user)
    return { nid, deviceId, created: true }
  }

  const deleteSome: Devices['delete'] = async (tx, user, deviceIds) => {
    const gone: number[] = []
    for (const deviceId of new Set(deviceIds)) {
      const nid = await readDeviceNid(tx.sql, user, deviceId)
      if (nid !== undefined) gone.push(nid)
    }
    return remove(tx, user, gone)
  }

  const toDevice = openToDevice(deps)
  const { forget, ...encryption } = openEncryption(deps, {
    toDevice,
    make: async (tx, user, deviceId, displayName) => (await ensure(tx, { user, deviceId, displayName })).nid,
    remove: async (tx, user, deviceId) => void (await deleteSome(tx, user, [deviceId])),
  })
  hooks.push({ after: forget })
  const listChanges = openListChanges(database, log)

  return {
    ...encryption,
    toDevice,
    listChanges: (since, until, viewer) => {
      const changed = listChanges(since, until)
      const signed = viewer === undefined ? [] : encryption.crossSigning.signedBy(viewer, since, until)
      if (changed instanceof Promise || signed instanceof Promise)
        return Promise.all([changed, signed]).then((both) => both.flat())
      return signed.length === 0 ? changed : [...changed, ...signed]
    },
    ensure,
    list: async (user) => (await readDevices(database.read, user)).map(fromRow),
    get: async (user, deviceId) => {
      const row = await readDevice(database.read, user, deviceId)
      return row && fromRow(row)
    },
    rename: (user, deviceId, displayName) =>
      log.write(async (tx) => {
        const found = await renameDevice(tx.sql, user, deviceId, displayName)
        if (found) await announceChange(tx, user)
        return found
      }),
    delete: deleteSome,
    deleteAll: async (tx, user, but) => {
      const rows = await readDeviceNids(tx.sql, user)
      return remove(
        tx,
        user,
        rows.map((row) => row.nid).filter((nid) => nid !== but),
      )
    },
    onDelete: (hook) => void hooks.push(hook),
    changedElsewhere: (user) => log.write((tx) => announceChange(tx, user)),
    seen: (device, ip, userAgent) =>
      sightings.note(device, { ts: now(), ip, userAgent: userAgent?.slice(0, longestUserAgent) ?? null }),
    [Symbol.asyncDispose]: () => sightings[Symbol.asyncDispose](),
  }
}

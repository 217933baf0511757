import { MatrixError } from '../../matrix/errors.ts'
import { isLocalUser } from '../../matrix/ids.ts'
import type { Json, JsonObject } from '../../matrix/json.ts'
import type { Database } from '../../storage/index.ts'
import type { Log } from '../../streams/index.ts'
import type { Users } from '../../users/index.ts'
import type { RemoteDevices } from '../remote.ts'
import { readDeviceNid } from '../store/devices.ts'
import type { KeyBook } from './book.ts'
import { claimKeys, type ClaimedKey, type WantedKey } from './claim.ts'
import type { Counts, KeyCounts } from './counts.ts'
import { parseDeviceKeys, parseKeys, type KeyOwner } from './parse.ts'
import { claimElsewhere, type Asked } from './elsewhere.ts'
import { queryKeys, type Asker } from './query.ts'
import { storeUpload, type Upload, type Uploader } from './upload.ts'

/** What a device uploads, in the specification's shape. */
export interface KeysBody {
  readonly device_keys?: JsonObject
  readonly one_time_keys?: Readonly<Record<string, Json>>
  readonly fallback_keys?: Readonly<Record<string, Json>>
}

/** The public keys of devices. */
export interface Keys {
  /**
   * Publishes keys of a device. @throws MatrixError for keys that are malformed, of another device, not signed by it, or too many
   */
  upload(by: Uploader, body: KeysBody): Promise<KeyCounts>
  /** JSON text of the answer to `/keys/query`. */
  query(asker: Asker, wanted: Readonly<Record<string, readonly string[]>>, timeoutMs?: number): Promise<string>
  /** JSON text of the answer to `/keys/claim`: of each device and algorithm one key. */
  claim(wanted: Readonly<Record<string, Readonly<Record<string, string>>>>, timeoutMs?: number): Promise<string>
  /** What a sync tells the device of its keys; without a promise when it is in memory. */
  of(device: number): KeyCounts | Promise<KeyCounts>
}

export interface KeysDeps {
  readonly database: Database
  readonly log: Log
  readonly users: Pick<Users, 'find'>
  readonly serverName: string
  readonly remote?: RemoteDevices | undefined
  readonly book: KeyBook
  readonly counts: Counts
}

/** Claims in one write: everyone else's writes wait for it. */
const claimsAtOnce = 100
const mostClaims = 10_000
const mostUsers = 10_000

/** Checks what is to be uploaded. @throws MatrixError */
export function parseUpload(owner: KeyOwner, body: KeysBody): Upload {
  return {
    deviceKeys: body.device_keys && parseDeviceKeys(body.device_keys, owner),
    oneTimeKeys: parseKeys(body.one_time_keys ?? {}, owner),
    fallbackKeys: parseKeys(body.fallback_keys ?? {}, owner),
  }
}

function claimText(
  claimed: readonly ClaimedKey[],
  { failures, answers }: Asked<Readonly<Record<string, Json>>>,
): string {
  const byUser = Map.groupBy(claimed, (key) => key.userId)
  const users = [...byUser].map(([userId, keys]) => {
    const devices = keys.map(
      (key) => `${JSON.stringify(key.deviceId)}:{${JSON.stringify(`${key.algorithm}:${key.keyId}`)}:${key.json}}`,
    )
    return `${JSON.stringify(userId)}:{${devices.join(',')}}`
  })
  for (const answer of answers)
    for (const [userId, keys] of Object.entries(answer)) users.push(`${JSON.stringify(userId)}:${JSON.stringify(keys)}`)
  return `{"failures":${JSON.stringify(failures)},"one_time_keys":{${users.join(',')}}}`
}

export function openKeys(deps: KeysDeps): Keys {
  const { database, log, users, serverName, counts } = deps

  const wantedKeys = async (
    wanted: Readonly<Record<string, Readonly<Record<string, string>>>>,
  ): Promise<WantedKey[]> => {
    const all: WantedKey[] = []
    for (const [userId, devices] of Object.entries(wanted)) {
      const user = isLocalUser(userId, serverName) ? await users.find(userId) : undefined
      if (user === undefined) continue
      for (const [deviceId, algorithm] of Object.entries(devices)) {
        // U+0000 is in no id and no algorithm, and PostgreSQL takes no text that has it.
        if (!deviceId.includes('\0') && !algorithm.includes('\0')) all.push({ user, userId, deviceId, algorithm })
      }
    }
    if (all.length > mostClaims) throw new MatrixError('M_TOO_LARGE', `One can ask for ${mostClaims} keys at once`)
    return all
  }

  return {
    of: (device) => counts.of(device),
    upload: async (by, body) => {
      const upload = parseUpload(by, body)
      if (upload.deviceKeys || upload.oneTimeKeys.length > 0 || upload.fallbackKeys.length > 0) {
        await log.write(async (tx) => {
          // It may have been deleted since the request was let in.
          if ((await readDeviceNid(tx.sql, by.user, by.deviceId)) !== by.device)
            throw new MatrixError('M_UNKNOWN_TOKEN', 'This device is gone')
          await storeUpload(tx, by, upload)
        })
        counts.changed(by.device)
      }
      return counts.of(by.device)
    },
    query: (asker, wanted, timeoutMs) => {
      if (Object.keys(wanted).length > mostUsers)
        throw new MatrixError('M_TOO_LARGE', `One can ask for the keys of ${mostUsers} users at once`)
      return queryKeys(deps, asker, wanted, timeoutMs)
    },
    claim: async (wanted, timeoutMs) => {
      const elsewhere = claimElsewhere(deps, wanted, timeoutMs)
      const all = await wantedKeys(wanted)
      const claimed: ClaimedKey[] = []
      for (let start = 0; start < all.length; start += claimsAtOnce) {
        const got = await database.write((tx) => claimKeys(tx, all.slice(start, start + claimsAtOnce)))
        for (const { device } of got) counts.changed(device)
        claimed.push(...got)
      }
      return claimText(claimed, await elsewhere)
    },
  }
}

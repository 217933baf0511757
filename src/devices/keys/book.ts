import type { JsonObject } from '../../matrix/json.ts'
import { loadingCache, type Database } from '../../storage/index.ts'
import type { Log } from '../../streams/index.ts'
import type { DeviceListNews } from '../list-changes.ts'
import { readCrossSigning, readOwnSignatures, readSignaturesOfOthers } from '../store/cross-signing.ts'
import { readDeviceKeysOf } from '../store/device-keys.ts'

/** A user's public keys, as JSON texts with the user's own signatures. */
export interface UserKeys {
  /** By device id. */
  readonly devices: ReadonlyMap<string, string>
  readonly master: MasterKey | undefined
  readonly selfSigning: string | undefined
  readonly userSigning: string | undefined
}

export interface MasterKey {
  readonly publicKey: string
  readonly text: string
}

/** A signature of somebody else's master key. */
export interface OutgoingSignature {
  readonly target: string
  readonly signer: string
  readonly signature: string
}

/** Public keys of this server's users, from memory where possible. */
export interface KeyBook {
  of(user: number): UserKeys | Promise<UserKeys>
  /** By the short id of the user whose master key is signed. */
  signedBy(
    user: number,
  ): ReadonlyMap<number, readonly OutgoingSignature[]> | Promise<ReadonlyMap<number, readonly OutgoingSignature[]>>
}

type Signatures = ReadonlyMap<string, Readonly<Record<string, string>>>

const withSignatures = (
  json: string,
  userId: string,
  signatures: Readonly<Record<string, string>> | undefined,
  more: object = {},
): string =>
  JSON.stringify({
    ...(JSON.parse(json) as JsonObject),
    ...(signatures && { signatures: { [userId]: signatures } }),
    ...more,
  })

const sizeOf = ({ devices, master, selfSigning, userSigning }: UserKeys): number =>
  [...devices.values(), master?.text ?? '', selfSigning ?? '', userSigning ?? ''].reduce(
    (size, text) => size + 100 + 2 * text.length,
    0,
  )

const signaturesBytes = (byTarget: ReadonlyMap<number, readonly OutgoingSignature[]>): number => {
  let bytes = 100
  for (const list of byTarget.values()) bytes += 100 + 500 * list.length
  return bytes
}

async function load(database: Database, nameOf: (user: number) => Promise<string>, user: number): Promise<UserKeys> {
  const [userId, devices, keys, rows] = await Promise.all([
    nameOf(user),
    readDeviceKeysOf(database.read, user),
    readCrossSigning(database.read, user),
    readOwnSignatures(database.read, user),
  ])
  const signatures: Signatures = new Map(
    Object.entries(Object.groupBy(rows, (row) => row.target)).map(([target, ofTarget]) => [
      target,
      Object.fromEntries((ofTarget ?? []).map(({ signer, signature }) => [signer, signature])),
    ]),
  )
  const textOf = (usage: string): string | undefined => {
    const key = keys.find((row) => row.usage === usage)
    return key && withSignatures(key.json, userId, signatures.get(key.public_key))
  }
  const master = keys.find((row) => row.usage === 'master')
  return {
    devices: new Map(
      devices.map(({ device_id: deviceId, display_name: name, json }) => {
        const unsigned = name === null ? undefined : { unsigned: { device_display_name: name } }
        return [deviceId, withSignatures(json, userId, signatures.get(deviceId) ?? {}, unsigned)]
      }),
    ),
    master: master && { publicKey: master.public_key, text: textOf('master') ?? '' },
    selfSigning: textOf('self_signing'),
    userSigning: textOf('user_signing'),
  }
}

export function openKeyBook(database: Database, log: Log, nameOf: (user: number) => Promise<string>): KeyBook {
  const books = loadingCache<number, UserKeys>(database.memory, { name: 'device keys', weigh: sizeOf }, (user) =>
    load(database, nameOf, user),
  )
  const outgoing = loadingCache<number, ReadonlyMap<number, readonly OutgoingSignature[]>>(
    database.memory,
    { name: 'signatures', weigh: signaturesBytes },
    async (user) => Map.groupBy(await readSignaturesOfOthers(database.read, user), (row) => row.target_nid),
  )
  log.listen((entry) => {
    if (entry.kind !== 'device_list') return
    if (entry.user !== undefined) {
      books.drop(entry.user)
      outgoing.drop(entry.user)
    }
    const signed = (entry.data as DeviceListNews | undefined)?.signed // entries of this kind carry that or nothing
    if (signed) outgoing.drop(signed.signer)
  })
  return {
    // The loaders always give something.
    of: (user) => books.get(user) as UserKeys | Promise<UserKeys>,
    signedBy: (user) => outgoing.get(user) as ReturnType<KeyBook['signedBy']>,
  }
}

import { MatrixError } from '../../matrix/errors.ts'
import { signatureOf, verifyText } from '../../matrix/signing.ts'
import type { Tx } from '../../storage/index.ts'
import type { LogTx } from '../../streams/index.ts'
import { announceChange } from '../announce.ts'
import {
  deleteSignaturesBy,
  deleteSignaturesOf,
  readCrossSigning,
  readSignaturesOf,
  saveSignature,
} from '../store/cross-signing.ts'
import { readDeviceKeys, saveDeviceKeys } from '../store/device-keys.ts'
import {
  deleteOneTimeKeys,
  insertOneTimeKeys,
  readFallbackKeys,
  readOneTimeKeys,
  saveFallbackKey,
  trimClaimed,
  type KeyRow,
} from '../store/one-time-keys.ts'
import { deviceSigningKey, isSameKey, type KeyOwner, type ParsedDeviceKeys, type ParsedKey } from './parse.ts'

/** Who uploads. */
export interface Uploader extends KeyOwner {
  readonly user: number
  readonly device: number
}

/** What is uploaded, checked by parse.ts. */
export interface Upload {
  readonly deviceKeys: ParsedDeviceKeys | undefined
  readonly oneTimeKeys: readonly ParsedKey[]
  readonly fallbackKeys: readonly ParsedKey[]
}

const mostOneTimeKeys = 1000
const mostAlgorithms = 10
/** Of keys that were given out: more than any client uploads at once. */
const rememberedKeys = 200

const toRow = ({ algorithm, keyId, json }: ParsedKey): KeyRow => ({ algorithm, key_id: keyId, json })
const nameOf = (key: KeyRow): string => `${key.algorithm}:${key.key_id}`

/**
 * The signature by which the user's self-signing key vouches for the device, when it comes together with the device's keys.
 * Signatures by anything else are not kept. @throws MatrixError M_INVALID_SIGNATURE
 */
async function crossSignature(
  tx: Tx,
  { user, userId }: Uploader,
  keys: ParsedDeviceKeys,
): Promise<{ signer: string; signature: string } | undefined> {
  const selfSigning = (await readCrossSigning(tx, user)).find((row) => row.usage === 'self_signing')
  if (!selfSigning) return undefined
  const signer = `ed25519:${selfSigning.public_key}`
  const signature = signatureOf(keys.object, userId, signer)
  if (typeof signature !== 'string') return undefined
  if (!verifyText(keys.json, signature, selfSigning.public_key))
    throw new MatrixError('M_INVALID_SIGNATURE', 'The signature by your self-signing key is wrong')
  return { signer, signature }
}

async function storeDeviceKeys(tx: LogTx, by: Uploader, keys: ParsedDeviceKeys): Promise<void> {
  const { user, device, deviceId } = by
  const own = `ed25519:${deviceId}`
  const before = await readDeviceKeys(tx.sql, user, deviceId)
  const isNew = before?.json !== keys.json
  if (before && isNew) {
    await deleteSignaturesOf(tx.sql, user, deviceId)
    if (deviceSigningKey(before.json, deviceId) !== deviceSigningKey(keys.json, deviceId)) {
      // Another identity: what the one before has signed is worth nothing any more.
      await deleteSignaturesBy(tx.sql, user, own)
      await deleteOneTimeKeys(tx.sql, device)
    }
  }
  if (isNew) await saveDeviceKeys(tx.sql, user, device, keys.json)
  const signatures = keys.signature === undefined ? [] : [{ signer: own, signature: keys.signature }]
  const vouched = await crossSignature(tx.sql, by, keys)
  if (vouched) signatures.push(vouched)
  const known = new Set((await readSignaturesOf(tx.sql, user, deviceId)).map((row) => row.signer))
  const added = signatures.filter(({ signer }) => !known.has(signer))
  for (const { signer, signature } of added)
    await saveSignature(tx.sql, { target_nid: user, target: deviceId, signer_nid: user, signer, signature })
  if (isNew || added.length > 0) await announceChange(tx, user)
}

/** Clients of some libraries read the two keys out of this sentence, so its form stays. */
const conflict = (before: KeyRow, after: KeyRow): MatrixError =>
  new MatrixError(
    'M_INVALID_PARAM',
    `One time key ${nameOf(before)} already exists. Old key: ${before.json}; new key: ${after.json}`,
  )

async function storeOneTimeKeys(tx: Tx, device: number, keys: readonly KeyRow[]): Promise<void> {
  await trimClaimed(tx, device, rememberedKeys)
  const present = await readOneTimeKeys(tx, device)
  const byName = new Map(present.map((key) => [nameOf(key), key]))
  const added = keys.filter((key) => {
    const before = byName.get(nameOf(key))
    // A repeated upload changes nothing, even when the key was given out meanwhile.
    if (before && !isSameKey(before.json, key.json)) throw conflict(before, key)
    return !before
  })
  const left = present.filter((key) => key.claimed === 0)
  if (left.length + added.length > mostOneTimeKeys)
    throw new MatrixError('M_TOO_LARGE', `A device can have ${mostOneTimeKeys} one-time keys`)
  if (new Set([...left, ...added].map((key) => key.algorithm)).size > mostAlgorithms) throw tooManyAlgorithms()
  await insertOneTimeKeys(tx, device, added)
}

const tooManyAlgorithms = (): MatrixError =>
  new MatrixError('M_TOO_LARGE', `A device can have keys of ${mostAlgorithms} algorithms`)

async function storeFallbackKeys(tx: Tx, device: number, keys: readonly KeyRow[]): Promise<void> {
  const present = new Map((await readFallbackKeys(tx, device)).map((key) => [key.algorithm, key]))
  if (new Set(keys.map((key) => key.algorithm)).size < keys.length)
    throw new MatrixError('M_INVALID_PARAM', 'There can be one fallback key of each algorithm')
  if (new Set([...present.keys(), ...keys.map((key) => key.algorithm)]).size > mostAlgorithms) throw tooManyAlgorithms()
  for (const key of keys) {
    const before = present.get(key.algorithm)
    // The same key once more is as used as it was.
    if (before?.key_id !== key.key_id || before.json !== key.json) await saveFallbackKey(tx, device, key)
  }
}

/**
 * Stores what a device publishes. @throws MatrixError M_INVALID_PARAM when a one-time key would change, M_INVALID_SIGNATURE, M_TOO_LARGE
 */
export async function storeUpload(
  tx: LogTx,
  by: Uploader,
  { deviceKeys, oneTimeKeys, fallbackKeys }: Upload,
): Promise<void> {
  if (deviceKeys) await storeDeviceKeys(tx, by, deviceKeys)
  if (oneTimeKeys.length > 0) await storeOneTimeKeys(tx.sql, by.device, oneTimeKeys.map(toRow))
  if (fallbackKeys.length > 0) await storeFallbackKeys(tx.sql, by.device, fallbackKeys.map(toRow))
}

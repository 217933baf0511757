import { MatrixError } from '../../matrix/errors.ts'
import { isObject, own } from '../../matrix/json.ts'
import { signatureOf, verifyText } from '../../matrix/signing.ts'
import type { Tx } from '../../storage/index.ts'
import type { LogTx } from '../../streams/index.ts'
import { announceChange } from '../announce.ts'
import { deviceSigningKey } from '../keys/parse.ts'
import {
  deleteCrossSigningKey,
  deleteSignaturesBy,
  deleteSignaturesOf,
  readCrossSigning,
  saveCrossSigningKey,
  saveSignature,
  type CrossSigningRow,
} from '../store/cross-signing.ts'
import { readDeviceKeysOf } from '../store/device-keys.ts'
import { readDeviceNid } from '../store/devices.ts'
import type { ParsedCrossSigningKey, Usage } from './parse.ts'

/** Whose keys they are. */
export interface KeyUser {
  readonly user: number
  readonly userId: string
}

type Stored = ReadonlyMap<string, CrossSigningRow>

interface Signature {
  readonly signer: string
  readonly signature: string
}

const badSignature = (message: string): MatrixError => new MatrixError('M_INVALID_SIGNATURE', message)

/**
 * What keys that are uploaded are beside those that are there. `new`: there is no master key yet, and they may come as they are;
 * `same`: none of them is new; `other`: the user has to confirm them.
 */
function compare(stored: Stored, keys: readonly ParsedCrossSigningKey[]): 'new' | 'same' | 'other' {
  if (keys.every((key) => stored.get(key.usage)?.public_key === key.publicKey)) return 'same'
  return stored.has('master') ? 'other' : 'new'
}

/** The master key's signature of another key. @throws MatrixError M_INVALID_SIGNATURE */
function masterSignature({ usage, json, object }: ParsedCrossSigningKey, userId: string, masterKey: string): Signature {
  const signer = `ed25519:${masterKey}`
  const signature = signatureOf(object, userId, signer)
  if (typeof signature !== 'string' || !verifyText(json, signature, masterKey))
    throw badSignature(`"${usage}_key" is not signed by the master key`)
  return { signer, signature }
}

/** The signatures of a master key by its user's devices; those by anything else are not kept. @throws MatrixError M_INVALID_SIGNATURE */
async function deviceSignatures(
  tx: Tx,
  { user, userId }: KeyUser,
  { json, object }: ParsedCrossSigningKey,
): Promise<Signature[]> {
  const claimed = own(own(object, 'signatures'), userId)
  if (!isObject(claimed)) return []
  const signatures: Signature[] = []
  for (const device of await readDeviceKeysOf(tx, user)) {
    const signer = `ed25519:${device.device_id}`
    const signature = own(claimed, signer)
    if (typeof signature !== 'string') continue
    const key = deviceSigningKey(device.json, device.device_id)
    if (key === undefined || !verifyText(json, signature, key))
      throw badSignature(`The signature of "master_key" by the device ${device.device_id} is wrong`)
    signatures.push({ signer, signature })
  }
  return signatures
}

/** Signatures are known by the names of keys, so no two things of a user may have one name. @throws MatrixError */
async function checkNames(tx: Tx, user: number, stored: Stored, keys: readonly ParsedCrossSigningKey[]): Promise<void> {
  const names = new Map([
    ...[...stored.values()].map((row) => [row.usage, row.public_key] as const),
    ...keys.map((key) => [key.usage, key.publicKey] as const),
  ])
  if (new Set(names.values()).size < names.size)
    throw new MatrixError('M_INVALID_PARAM', 'One key cannot be for two things')
  for (const { publicKey } of keys) {
    if ((await readDeviceNid(tx, user, publicKey)) !== undefined)
      throw new MatrixError('M_FORBIDDEN', 'One of your devices has the name of this key')
  }
}

async function removeSignatures(
  tx: Tx,
  user: number,
  { public_key: publicKey }: CrossSigningRow,
  by: boolean,
): Promise<void> {
  await deleteSignaturesOf(tx, user, publicKey)
  if (by) await deleteSignaturesBy(tx, user, `ed25519:${publicKey}`)
}

/** Puts a key in the place of the one before, of which nothing is left. */
async function replace(
  tx: Tx,
  user: number,
  before: CrossSigningRow | undefined,
  key: ParsedCrossSigningKey,
  signatures: readonly Signature[],
): Promise<void> {
  if (before) await removeSignatures(tx, user, before, before.public_key !== key.publicKey)
  await saveCrossSigningKey(tx, user, { usage: key.usage, public_key: key.publicKey, json: key.json })
  for (const { signer, signature } of signatures) {
    await saveSignature(tx, { target_nid: user, target: key.publicKey, signer_nid: user, signer, signature })
  }
}

/** What is signed by the master key, and worth nothing under another. */
const dependents: readonly Usage[] = ['self_signing', 'user_signing']

/**
 * Stores cross-signing keys, each with the signatures that are verified. Keys that another master key has signed go with that key.
 * @returns `unconfirmed` when nothing was done, because keys would change and the user has not confirmed that
 * @throws MatrixError M_MISSING_PARAM without a master key, M_INVALID_SIGNATURE, M_FORBIDDEN when a device has the key's name
 */
export async function storeCrossSigning(
  tx: LogTx,
  by: KeyUser,
  keys: readonly ParsedCrossSigningKey[],
  confirmed: boolean,
): Promise<'done' | 'unconfirmed'> {
  const { user, userId } = by
  const stored: Stored = new Map((await readCrossSigning(tx.sql, user)).map((row) => [row.usage, row]))
  const difference = compare(stored, keys)
  if (difference === 'same') return 'done'
  const master = keys.find((key) => key.usage === 'master')
  const masterKey = master?.publicKey ?? stored.get('master')?.public_key
  if (masterKey === undefined)
    throw new MatrixError('M_MISSING_PARAM', 'There is no master key: upload it first, or together with the others')
  const signatures = new Map<ParsedCrossSigningKey, Signature[]>()
  for (const key of keys) {
    signatures.set(
      key,
      key === master ? await deviceSignatures(tx.sql, by, key) : [masterSignature(key, userId, masterKey)],
    )
  }
  await checkNames(tx.sql, user, stored, keys)
  if (difference === 'other' && !confirmed) return 'unconfirmed'
  const hasNewMaster = stored.get('master')?.public_key !== masterKey
  if (hasNewMaster) {
    for (const usage of dependents) {
      const before = stored.get(usage)
      if (!before || keys.some((key) => key.usage === usage)) continue
      await removeSignatures(tx.sql, user, before, true)
      await deleteCrossSigningKey(tx.sql, user, usage)
    }
  }
  for (const key of keys) {
    const before = stored.get(key.usage)
    // The same key under the same master key keeps what was signed of it.
    if (hasNewMaster || before?.public_key !== key.publicKey)
      await replace(tx.sql, user, before, key, signatures.get(key) ?? [])
  }
  await announceChange(tx, user)
  return 'done'
}

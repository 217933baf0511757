import { isLocalUser } from '../../matrix/ids.ts'
import { isObject, own, type Json, type JsonObject } from '../../matrix/json.ts'
import { signedText, verifyText } from '../../matrix/signing.ts'
import { MatrixError } from '../../matrix/errors.ts'
import type { Database, Reader, Tx } from '../../storage/index.ts'
import type { Log } from '../../streams/index.ts'
import type { Users } from '../../users/index.ts'
import { announceChange } from '../announce.ts'
import { deviceSigningKey } from '../keys/parse.ts'
import { readCrossSigning, readSignaturesOf, saveSignature } from '../store/cross-signing.ts'
import { readDeviceKeys } from '../store/device-keys.ts'
import type { SignedNews } from './signed-news.ts'
import type { KeyUser } from './upload.ts'

export interface SignaturesDeps {
  readonly database: Database
  readonly log: Log
  readonly users: Pick<Users, 'find'>
  readonly serverName: string
  readonly news: SignedNews
}

/** Signed objects by user id, and by device id or public key. */
export type SignedObjects = Readonly<Record<string, Readonly<Record<string, JsonObject>>>>

/** By user id and key id. */
export type SignatureFailures = Record<string, Record<string, { errcode: string; error: string }>>

/** A key that may be signed, and by which keys of the one who signs. */
interface Signable {
  /** Canonical JSON, as it is kept. */
  readonly json: string
  /** The public key behind a key id with which it may be signed; undefined for every other. */
  readonly signerKey: (keyId: string) => Promise<string | undefined>
}

interface Accepted {
  readonly target: number
  readonly userId: string
  readonly keyId: string
  readonly json: string
  readonly signer: string
  readonly signerKey: string
  readonly signature: string
}

/** Each takes the processor for a moment. */
const mostSignatures = 250

const refuse = (errcode: 'M_NOT_FOUND' | 'M_INVALID_SIGNATURE' | 'M_INVALID_PARAM', message: string): MatrixError =>
  new MatrixError(errcode, message)

const publicKeyOf = async (db: Reader | Tx, user: number, usage: string): Promise<string | undefined> =>
  (await readCrossSigning(db, user)).find((row) => row.usage === usage)?.public_key

/**
 * The three things that users sign: their devices, with their self-signing key; their master key, with their devices; and others'
 * master keys, with their user-signing key.
 */
async function signable(db: Reader | Tx, by: KeyUser, target: number, keyId: string): Promise<Signable | undefined> {
  const crossSigned =
    (usage: string) =>
    async (signer: string): Promise<string | undefined> => {
      const key = await publicKeyOf(db, by.user, usage)
      return key !== undefined && signer === `ed25519:${key}` ? key : undefined
    }
  const master = (await readCrossSigning(db, target)).find((row) => row.usage === 'master' && row.public_key === keyId)
  if (target !== by.user) return master && { json: master.json, signerKey: crossSigned('user_signing') }
  if (master) {
    return {
      json: master.json,
      signerKey: async (signer) => {
        const deviceId = signer.slice('ed25519:'.length)
        const device =
          signer.startsWith('ed25519:') && !deviceId.includes('\0')
            ? await readDeviceKeys(db, by.user, deviceId)
            : undefined
        return device && deviceSigningKey(device.json, deviceId)
      },
    }
  }
  const device = keyId.includes('\0') ? undefined : await readDeviceKeys(db, by.user, keyId)
  return device && { json: device.json, signerKey: crossSigned('self_signing') }
}

/**
 * The signatures in an object that are new. What the object carries of signatures by itself or by keys that may not sign it, or are
 * gone, is left out; an object with nothing else is refused. @throws MatrixError for that, and for a signature that is wrong
 */
async function newSignatures(
  db: Reader,
  by: KeyUser,
  target: number,
  userId: string,
  keyId: string,
  object: JsonObject,
): Promise<Accepted[]> {
  const key = await signable(db, by, target, keyId)
  if (!key) throw refuse('M_NOT_FOUND', 'There is no such key that you could sign')
  if (signedText(object) !== key.json) throw refuse('M_INVALID_PARAM', 'This differs from the key that is known here')
  const claimed = own(own(object, 'signatures'), by.userId)
  const known = new Map(
    target === by.user
      ? (await readSignaturesOf(db, target, keyId)).map(({ signer, signature }) => [signer, signature])
      : [],
  )
  const accepted: Accepted[] = []
  const all: Array<[string, Json]> = isObject(claimed) ? Object.entries(claimed) : []
  let unfit: string | undefined
  for (const [signer, signature] of all) {
    if (known.get(signer) === signature || signer === `ed25519:${keyId}`) continue
    const signerKey = await key.signerKey(signer)
    if (signerKey === undefined) {
      unfit = signer
      continue
    }
    if (typeof signature !== 'string' || !verifyText(key.json, signature, signerKey))
      throw refuse('M_INVALID_SIGNATURE', `The signature by ${signer.slice(0, 64)} is wrong`)
    accepted.push({ target, userId, keyId, json: key.json, signer, signerKey, signature })
  }
  if (unfit !== undefined && accepted.length === 0)
    throw refuse('M_INVALID_SIGNATURE', `This cannot be signed with ${unfit.slice(0, 64)}`)
  return accepted
}

function countSignatures(objects: SignedObjects, userId: string): number {
  let count = 0
  for (const byKey of Object.values(objects)) {
    for (const object of Object.values(byKey)) {
      const claimed = own(own(object, 'signatures'), userId)
      count += 1 + (isObject(claimed) ? Object.keys(claimed).length : 0)
    }
  }
  return count
}

/**
 * Takes signatures that a user made: each is verified, and only of what users sign. An object with one wrong signature adds none.
 * @returns what was wrong
 * @throws MatrixError M_TOO_LARGE for more than can be verified in passing
 * @see https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keyssignaturesupload
 */
export async function uploadSignatures(
  deps: SignaturesDeps,
  by: KeyUser,
  objects: SignedObjects,
): Promise<SignatureFailures> {
  const { database, log, users, serverName } = deps
  if (countSignatures(objects, by.userId) > mostSignatures)
    throw new MatrixError('M_TOO_LARGE', `One can upload ${mostSignatures} signatures at once`)
  const failures: SignatureFailures = {}
  const fail = (userId: string, keyId: string, { errcode, message }: MatrixError): void => {
    failures[userId] = { ...failures[userId], [keyId]: { errcode, error: message } }
  }
  const accepted: Accepted[] = []
  for (const [userId, byKey] of Object.entries(objects)) {
    const target = isLocalUser(userId, serverName) ? await users.find(userId) : undefined
    for (const [keyId, object] of Object.entries(byKey)) {
      try {
        if (target === undefined) throw refuse('M_NOT_FOUND', 'This user has no keys here')
        accepted.push(...(await newSignatures(database.read, by, target, userId, keyId, object)))
      } catch (error) {
        if (!(error instanceof MatrixError)) throw error
        fail(userId, keyId, error)
      }
    }
  }
  if (accepted.length === 0) return failures
  await log.write(async (tx) => {
    const targets = new Set<number>()
    for (const one of accepted) {
      // Verified against what was committed; it is kept only if that is still so.
      const key = await signable(tx.sql, by, one.target, one.keyId)
      if (key?.json !== one.json || (await key.signerKey(one.signer)) !== one.signerKey) {
        fail(one.userId, one.keyId, refuse('M_INVALID_PARAM', 'The key has changed meanwhile'))
        continue
      }
      await saveSignature(tx.sql, {
        target_nid: one.target,
        target: one.keyId,
        signer_nid: by.user,
        signer: one.signer,
        signature: one.signature,
      })
      targets.add(one.target)
    }
    if (targets.delete(by.user)) await announceChange(tx, by.user)
    if (targets.size > 0) await deps.news.announce(tx, by.user, [...targets])
  })
  return failures
}

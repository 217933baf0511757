// Somebody at an unmodified client library that encrypts.
import assert from 'node:assert/strict'
import { Preset, type EventType, type MatrixClient, type MatrixEvent, type MsgType } from 'matrix-js-sdk'
import {
  CryptoEvent,
  VerificationPhase,
  VerifierEvent,
  type CryptoApi,
  type GeneratedSecretStorageKey,
  type ShowSasCallbacks,
  type VerificationRequest,
  type Verifier,
} from 'matrix-js-sdk/lib/crypto-api/index.js'
import { enter, until, type Person } from './person.ts'

/** What somebody knows by heart and types in on every new device. */
export interface Recovery {
  key?: GeneratedSecretStorageKey
}

/** A running client with its encryption. */
export interface EncryptedPerson extends Person {
  crypto: CryptoApi
  deviceId: string
  /** Requests to verify that came in. */
  requests: VerificationRequest[]
}

/** Signs in on a new device, which encrypts. */
export async function enterEncrypted(url: string, name: string, recovery: Recovery): Promise<EncryptedPerson> {
  const requests: VerificationRequest[] = []
  const prepare = async (client: MatrixClient): Promise<void> => {
    client.on(CryptoEvent.VerificationRequestReceived, (request) => {
      requests.push(request)
    })
    await client.initRustCrypto({ useIndexedDB: false })
  }
  const cryptoCallbacks = {
    getSecretStorageKey: async ({
      keys,
    }: {
      keys: Record<string, unknown>
    }): Promise<[string, Uint8Array<ArrayBuffer>] | null> => {
      const [id] = Object.keys(keys)
      return id !== undefined && recovery.key ? [id, recovery.key.privateKey] : null
    },
  }
  const person = await enter(url, name, undefined, { options: { cryptoCallbacks }, prepare })
  const crypto = person.client.getCrypto()
  assert.ok(crypto)
  return { ...person, crypto, deviceId: person.client.getDeviceId() ?? '', requests }
}

/** Waits until somebody can read a message; returns what it says. */
export async function read(person: Person, roomId: string, eventId: string): Promise<string> {
  const event: MatrixEvent = await until(`${person.userId} gets ${eventId}`, () =>
    person.room(roomId).findEventById(eventId),
  )
  await until(
    `${person.userId} can read ${eventId}`,
    () => event.getType() === 'm.room.message' && !event.isDecryptionFailure(),
  )
  assert.equal(event.getWireType(), 'm.room.encrypted')
  return String(event.getContent()['body'])
}

const shown = (verifier: Verifier): Promise<ShowSasCallbacks> =>
  new Promise((resolve) => {
    verifier.once(VerifierEvent.ShowSas, resolve)
  })

/** Goes through a verification that one asked for and the other hears of: both compare seven emoji, and agree. */
export async function verifyByEmoji(asked: VerificationRequest, other: EncryptedPerson): Promise<void> {
  const heard = await until('the request to verify', () =>
    other.requests.find((request) => request.phase === VerificationPhase.Requested),
  )
  await heard.accept()
  await until('the other to be ready', () => asked.phase === VerificationPhase.Ready)
  const mine = await asked.startVerification('m.sas.v1')
  const theirs = await until('the other verifier', () => heard.verifier)
  const screens = Promise.all([shown(mine), shown(theirs)])
  const done = Promise.all([mine.verify(), theirs.verify()])
  const [left, right] = await screens
  assert.equal(left.sas.emoji?.length, 7)
  assert.deepEqual(left.sas.emoji, right.sas.emoji)
  // One after the other, as people do: who is told of the other's proof while the own is still on its way says that it is done at once,
  // and that may come first.
  await left.confirm()
  await new Promise((resolve) => setTimeout(resolve, 500))
  await right.confirm()
  await done
  await until(
    'the verification to be done',
    () => asked.phase === VerificationPhase.Done && heard.phase === VerificationPhase.Done,
  )
}

/** Says something in a room; returns the event's id. */
export const say = async (person: EncryptedPerson, roomId: string, body: string): Promise<string> =>
  (
    await person.client.sendEvent(roomId, 'm.room.message' as EventType.RoomMessage, {
      msgtype: 'm.text' as MsgType.Text,
      body,
    })
  ).event_id

/** Makes cross-signing keys, a place for secrets and a backup, as a client does when its user signs up. */
export async function setUp(person: EncryptedPerson, recovery: Recovery): Promise<void> {
  await person.crypto.bootstrapCrossSigning({
    authUploadDeviceSigningKeys: async (upload) => {
      await upload(null)
    },
  })
  await person.crypto.bootstrapSecretStorage({
    setupNewKeyBackup: true,
    createSecretStorageKey: async () => (recovery.key = await person.crypto.createRecoveryKeyFromPassphrase()),
  })
  assert.ok(await person.crypto.isCrossSigningReady())
  assert.equal(await person.crypto.getActiveSessionBackupVersion(), '1')
}

/** An encrypted room of two people; everybody in `all` knows of it when it is given back. */
export async function meet(
  alice: EncryptedPerson,
  bob: EncryptedPerson,
  all: readonly EncryptedPerson[],
): Promise<string> {
  const { room_id: roomId } = await alice.client.createRoom({
    preset: Preset.TrustedPrivateChat,
    invite: [bob.userId],
    initial_state: [{ type: 'm.room.encryption', state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } }],
  })
  await until('the invitation', () => bob.client.getRoom(roomId)?.getMyMembership() === 'invite')
  await bob.client.joinRoom(roomId)
  for (const person of all) {
    await until('both are in', () => person.client.getRoom(roomId)?.getJoinedMembers().length === 2)
    await until('the room is encrypted', () => person.crypto.isEncryptionEnabledInRoom(roomId))
  }
  return roomId
}

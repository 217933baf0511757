// People with devices and keys, for the tests of encryption: routes behind the real HTTP layer, on every database.
import { createHash, randomBytes } from 'node:crypto'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { databases } from '../../test/harness/postgres.ts'
import { mount, sessionOf, type Mounted } from '../../test/harness/routes.ts'
import { MatrixError } from '../matrix/errors.ts'
import { own, type JsonObject } from '../matrix/json.ts'
import { addSignature, signedText, signingKey, signText, type SigningKey } from '../matrix/signing.ts'
import { openDatabase, type Database } from '../storage/index.ts'
import { openLog, type Log } from '../streams/index.ts'
import { createUsers } from '../users/index.ts'
import { devicesRoutes, openDevices, type Devices, type ToConfirm } from './index.ts'

export const alice = '@alice:one.test'
export const bob = '@bob:one.test'

/** A key pair that is the same in every run. */
export const keyNamed = (name: string): SigningKey => signingKey('x', createHash('sha256').update(name).digest())
export const publicKey = (name: string): string => keyNamed(name).publicKey

/** The object with one more signature. `keyId` has no algorithm: a device id, or a public key. */
export const signed = (object: JsonObject, userId: string, keyId: string, name: string): JsonObject =>
  addSignature(object, userId, `ed25519:${keyId}`, signText(signedText(object), keyNamed(name)))

/** Device keys, signed by the device. `name` names its key pair. */
export const deviceKeys = (
  userId: string,
  deviceId: string,
  more: JsonObject = {},
  name = `${userId} ${deviceId}`,
): JsonObject =>
  signed(
    {
      user_id: userId,
      device_id: deviceId,
      algorithms: ['m.olm.v1.curve25519-aes-sha2', 'm.megolm.v1.aes-sha2'],
      keys: { [`ed25519:${deviceId}`]: publicKey(name), [`curve25519:${deviceId}`]: publicKey(`${name} curve`) },
      ...more,
    },
    userId,
    deviceId,
    name,
  )

/** One-time or fallback keys by name. */
export const curveKeys = (
  userId: string,
  deviceId: string,
  ids: readonly string[],
  more: JsonObject = {},
): JsonObject =>
  Object.fromEntries(
    ids.map((id) => [
      `signed_curve25519:${id}`,
      signed({ key: publicKey(`one-time ${id}`), ...more }, userId, deviceId, `${userId} ${deviceId}`),
    ]),
  )

/** A cross-signing key, signed by the master key (which is named `master`) unless it is that. */
export function crossKey(userId: string, usage: string, name: string, master?: string): JsonObject {
  const key = publicKey(name)
  const object: JsonObject = { user_id: userId, usage: [usage], keys: { [`ed25519:${key}`]: key } }
  return master === undefined ? object : signed(object, userId, publicKey(master), master)
}

/** All three, with key pairs named after the user and `suffix`. */
export const crossKeys = (userId: string, suffix = ''): JsonObject => ({
  master_key: crossKey(userId, 'master', `${userId} master${suffix}`),
  self_signing_key: crossKey(userId, 'self_signing', `${userId} self${suffix}`, `${userId} master${suffix}`),
  user_signing_key: crossKey(userId, 'user_signing', `${userId} user${suffix}`, `${userId} master${suffix}`),
})

/** The ids of the keys with which a user has signed something, in order. */
export const signersOf = (object: unknown, userId: string): string[] =>
  Object.keys(own(own(object, 'signatures'), userId) ?? {}).toSorted()

/** Who can ask: two devices of alice's, one of bob's, and one without a device. */
export type Who = 'phone' | 'laptop' | 'bob' | 'app'

export interface World extends Omit<Mounted, 'ask' | 'outcome'> {
  ask: (
    who: Who | undefined,
    ...request: Parameters<Mounted['ask']> extends [unknown, ...infer R] ? R : never
  ) => ReturnType<Mounted['ask']>
  outcome: (
    who: Who | undefined,
    ...request: Parameters<Mounted['outcome']> extends [unknown, ...infer R] ? R : never
  ) => Promise<string>
  database: Database
  log: Log
  devices: Devices
  /** Short ids. */
  nids: { alice: number; bob: number; phone: number; laptop: number; bobsPhone: number }
  /** What was to be confirmed; a body with `auth` is. */
  asked: ToConfirm[]
  /** Everything that a user may see of users' keys. */
  query: (
    who: Who,
    ...userIds: string[]
  ) => Promise<
    Record<
      'failures' | 'device_keys' | 'master_keys' | 'self_signing_keys' | 'user_signing_keys',
      Record<string, JsonObject>
    >
  >
  /** The one key that is claimed, or undefined. */
  claim: (userId: string, deviceId: string, algorithm?: string) => Promise<string | undefined>
}

async function inWorld(url: string, body: (world: World) => Promise<void>): Promise<void> {
  const fail = (error: unknown): void => {
    throw error
  }
  await using database = await openDatabase({ url, serverName: 'one.test' })
  const log = await openLog(database, fail)
  const users = createUsers({ database, log, serverName: 'one.test', now: () => 1000 })
  await using devices = await openDevices({
    database,
    log,
    users,
    serverName: 'one.test',
    now: () => 1000,
    randomId: () => randomBytes(32).toString('base64url'),
    sharers: () => [],
    onError: fail,
  })
  const asked: ToConfirm[] = []
  const confirm = async (request: ToConfirm): Promise<void> => {
    asked.push(request)
    if (!request.body['auth'])
      throw new MatrixError('M_UNAUTHORIZED', 'Confirm', { status: 401, extra: { flows: [], session: 's' } })
  }
  const [aliceNid, bobNid] = [await users.intern(alice), await users.intern(bob)]
  const make = async (user: number, deviceId: string): Promise<number> =>
    (await log.write((tx) => devices.ensure(tx, { user, deviceId, displayName: `The ${deviceId}` }))).nid
  const nids = {
    alice: aliceNid,
    bob: bobNid,
    phone: await make(aliceNid, 'PHONE'),
    laptop: await make(aliceNid, 'LAPTOP'),
    bobsPhone: await make(bobNid, 'BOB'),
  }
  await using http = mount(
    devicesRoutes({ devices, log, confirm, keyChanges: async () => ({ changed: [], left: [] }) }),
    {
      phone: sessionOf(aliceNid, alice, { device: nids.phone, deviceId: 'PHONE' }),
      laptop: sessionOf(aliceNid, alice, { device: nids.laptop, deviceId: 'LAPTOP' }),
      bob: sessionOf(bobNid, bob, { device: nids.bobsPhone, deviceId: 'BOB' }),
      app: sessionOf(aliceNid, alice),
    },
  )
  await body({
    ...http,
    database,
    log,
    devices,
    nids,
    asked,
    query: async (who, ...userIds) => {
      const answer = await http.ask(who, 'POST', '/keys/query', {
        device_keys: Object.fromEntries(userIds.map((userId) => [userId, []])),
      })
      assert.equal(answer.status, 200)
      return answer.body as Awaited<ReturnType<World['query']>>
    },
    claim: async (userId, deviceId, algorithm = 'signed_curve25519') => {
      const { body: got } = await http.ask('bob', 'POST', '/keys/claim', {
        one_time_keys: { [userId]: { [deviceId]: algorithm } },
      })
      return Object.keys((got['one_time_keys'] as Record<string, Record<string, object>>)[userId]?.[deviceId] ?? {})[0]
    },
  })
  assert.deepEqual(http.errors, [])
}

/** A test on every database. */
export const over = (name: string, body: (world: World) => Promise<void>): void => {
  for (const kind of databases) {
    test(`${name} (${kind.name})`, async () => {
      const { url, dispose } = await kind.open()
      await inWorld(url, body)
      await dispose()
    })
  }
}

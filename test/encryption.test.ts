// Encryption, from the first keys to old messages on a new device, through an unmodified client library.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Client } from './harness/client.ts'
import {
  enterEncrypted,
  meet,
  read,
  say,
  setUp,
  verifyByEmoji,
  type EncryptedPerson,
  type Recovery,
} from './harness/encrypted-person.ts'
import { until } from './harness/person.ts'
import { databases } from './harness/postgres.ts'
import { startServer } from './harness/server.ts'

type Enter = (name: string, recovery: Recovery) => Promise<EncryptedPerson>

/** One person on two devices, the second verified by the first. */
async function twoDevices(enter: Enter, name: string, recovery: Recovery): Promise<[EncryptedPerson, EncryptedPerson]> {
  const first = await enter(name, recovery)
  await setUp(first, recovery)
  const second = await enter(name, recovery)
  // A request by a device that is not known yet is passed over.
  await until('the first device knows the second', async () =>
    (await first.crypto.getUserDeviceInfo([first.userId])).get(first.userId)?.has(second.deviceId),
  )
  await verifyByEmoji(await second.crypto.requestOwnUserVerification(), first)
  for (const person of [first, second]) {
    await until('both devices are cross-signed', async () => {
      const both = await Promise.all(
        [first, second].map(({ deviceId }) => person.crypto.getDeviceVerificationStatus(person.userId, deviceId)),
      )
      return both.every((status) => status?.crossSigningVerified)
    })
  }
  await until('the second device has the secrets', () => second.crypto.isCrossSigningReady())
  return [first, second]
}

/** How many keys are in the backup, as the server says: the library keeps what it once heard. */
async function backedUp({ client }: EncryptedPerson): Promise<unknown> {
  const raw = new Client(client.baseUrl)
  raw.token = client.getAccessToken() ?? undefined
  return (await raw.req('GET', '/room_keys/version'))['count']
}

async function story(enter: Enter): Promise<void> {
  const recovery: Recovery = {}
  const [alice, alice2] = await twoDevices(enter, 'alice', recovery)
  const [bob, bob2] = await twoDevices(enter, 'bob', {})
  const all = [alice, alice2, bob, bob2]
  const roomId = await meet(alice, bob, all)

  const said: Array<[id: string, body: string]> = []
  for (const [index, person] of all.entries())
    said.push([await say(person, roomId, `secret ${index}`), `secret ${index}`])
  for (const person of all) for (const [id, body] of said) assert.equal(await read(person, roomId, id), body)

  await verifyByEmoji(await alice.crypto.requestVerificationDM(bob.userId, roomId), bob)
  for (const [person, other] of [
    [alice, bob],
    [alice2, bob],
    [bob, alice],
    [bob2, alice],
  ] as const) {
    await until(`${person.deviceId} trusts ${other.userId}`, async () =>
      (await person.crypto.getUserVerificationStatus(other.userId)).isCrossSigningVerified(),
    )
  }

  // The library waits for up to ten seconds before it backs up.
  await until('every key in the backup', async () => (await backedUp(alice)) === all.length, 30)
  await alice.crypto.startDehydration()
  const ids = await until('a dehydrated device that bob knows', async () => {
    const devices = (await bob.crypto.getUserDeviceInfo([alice.userId])).get(alice.userId)
    return (
      devices?.size === 3 &&
      [...devices.values()].filter((device) => device.dehydrated).map((device) => device.deviceId)
    )
  })
  assert.equal(ids.length, 1)
  await alice2.client.logout(true)
  await alice.client.logout(true)
  await until(
    'bob knows that alice is away',
    async () => (await bob.crypto.getUserDeviceInfo([alice.userId])).get(alice.userId)?.size === 1,
  )
  said.push([await say(bob, roomId, 'are you there?'), 'are you there?'])

  const later = await enter('alice', recovery)
  await until('a new device to read nothing by itself', () =>
    later
      .room(roomId)
      .getLiveTimeline()
      .getEvents()
      .some((event) => event.isDecryptionFailure()),
  )
  await until('the new device knows whose it is', () => later.crypto.userHasCrossSigningKeys(later.userId, true))
  await later.crypto.bootstrapCrossSigning({})
  assert.ok(await later.crypto.isCrossSigningReady())
  await later.crypto.loadSessionBackupPrivateKeyFromSecretStorage()
  const restored = await later.crypto.restoreKeyBackup()
  assert.equal(restored.imported, all.length)
  await later.crypto.startDehydration()
  while (later.room(roomId).oldState.paginationToken !== null) await later.client.scrollback(later.room(roomId), 30)
  for (const [id, body] of said) assert.equal(await read(later, roomId, id), body)
  assert.ok(
    (await later.crypto.getUserVerificationStatus(bob.userId)).isCrossSigningVerified(),
    'what was verified stays verified',
  )
  assert.equal(await read(bob, roomId, await say(later, roomId, 'I am back')), 'I am back')
}

for (const db of databases) {
  test(`two people with two devices each talk in secret, verify, back up, leave and come back (${db.name})`, async () => {
    const database = await db.open()
    const people: EncryptedPerson[] = []
    try {
      await using server = await startServer({ database: database.url })
      await story(async (name, recovery) => {
        const person = await enterEncrypted(server.url, name, recovery)
        people.push(person)
        return person
      })
      assert.deepEqual([...new Set(people.flatMap((person) => person.faults))], [])
    } finally {
      for (const person of people) person.stop()
      await database.dispose()
    }
  })
}

// The library leaves timers behind when a client stops; they would keep this process waiting.
after(() => {
  setTimeout(() => process.exit(), 500).unref()
})

// Two people who talk in secret through an unmodified client library, on the server before the move and on the one after it.
import assert from 'node:assert/strict'
import {
  enterEncrypted,
  meet,
  read,
  say,
  setUp,
  type EncryptedPerson,
  type Recovery,
} from '../../harness/encrypted-person.ts'
import { until } from '../../harness/person.ts'
import { ask, type Json } from './fill.ts'

export interface Secret {
  readonly room: string
  readonly said: [id: string, body: string][]
  readonly recovery: Recovery
  /** The session of a device that has not heard the last word, for which its key waits. */
  readonly token: string
  readonly dehydrated: string
}

const backedUp = async (url: string, token: string): Promise<unknown> =>
  (await ask(url, token, 'GET', '/room_keys/version'))['count']

/** They meet, talk, verify nothing, back up; one goes away, and the other says one thing more. */
export async function tellSecrets(url: string): Promise<Secret> {
  const recovery: Recovery = {}
  const alice = await enterEncrypted(url, 'alice', recovery)
  await setUp(alice, recovery)
  const bob = await enterEncrypted(url, 'bob', {})
  const people = [alice, bob]
  try {
    const room = await meet(alice, bob, people)
    const said: [string, string][] = []
    for (const [index, person] of people.entries())
      said.push([await say(person, room, `secret ${index}`), `secret ${index}`])
    for (const person of people) for (const [id, body] of said) assert.equal(await read(person, room, id), body)
    const token = alice.client.getAccessToken() ?? ''
    await until('every key in the backup', async () => (await backedUp(url, token)) === people.length, 30)
    await alice.crypto.startDehydration()
    const dehydrated = await until(
      'a dehydrated device',
      async () => {
        const devices = (await bob.crypto.getUserDeviceInfo([alice.userId])).get(alice.userId)
        return [...(devices?.values() ?? [])].find((device) => device.dehydrated)?.deviceId
      },
      60,
    )
    alice.stop()
    // A new key, which alice's devices have not been given.
    await bob.crypto.forceDiscardSession(room)
    said.push([await say(bob, room, 'are you there?'), 'are you there?'])
    return { room, said, recovery, token, dehydrated }
  } finally {
    for (const person of people) person.stop()
  }
}

/** Who comes with a new device after the move reads all of it, and is who they were. */
export async function readSecrets(url: string, { room, said, recovery, token, dehydrated }: Secret): Promise<void> {
  // The old device is given the key that waited for it.
  const waiting = await ask<{ to_device?: { events: Json[] } }>(url, token, 'GET', '/sync?timeout=0')
  assert.ok(waiting.to_device?.events.some((event) => event['type'] === 'm.room.encrypted'))
  const keeps = await ask(url, token, 'GET', '/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device')
  assert.equal(keeps['device_id'], dehydrated)
  const later: EncryptedPerson = await enterEncrypted(url, 'alice', recovery)
  try {
    await until('the new device knows whose it is', () => later.crypto.userHasCrossSigningKeys(later.userId, true))
    await later.crypto.bootstrapCrossSigning({})
    assert.ok(await later.crypto.isCrossSigningReady())
    await later.crypto.loadSessionBackupPrivateKeyFromSecretStorage()
    assert.equal((await later.crypto.restoreKeyBackup()).imported, 2)
    await later.crypto.startDehydration()
    while (later.room(room).oldState.paginationToken !== null) await later.client.scrollback(later.room(room), 30)
    for (const [id, body] of said) assert.equal(await read(later, room, id), body)
  } finally {
    later.stop()
  }
}

// What goes between the people of a Latchkey and a Synapse beside events: typing, receipts, profiles, files, devices and keys.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { signJson, signingKey } from '../../../src/matrix/signing.ts'
import { serverOf } from '../../../src/matrix/ids.ts'
import type { Client } from '../../harness/client.ts'
import { oneWorld, sees, stands, tells, until } from './world.ts'

const enc = encodeURIComponent
const { skip, world, fresh, close } = oneWorld()
after(close)

/** Somebody here and somebody there, in one room of ours. */
async function pair(): Promise<{ alice: Client; bob: Client; roomId: string }> {
  const { latchkey, synapse: theirs } = await world()
  const [alice, bob] = [await latchkey.login(fresh('alice')), await theirs.register(fresh('bob'))]
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  await bob.req('POST', `/join/${enc(roomId)}?server_name=${latchkey.name}&via=${latchkey.name}`, {})
  await stands([alice, bob], roomId, bob.userId, 'join')
  return { alice, bob, roomId }
}

test('typing and receipts, both ways', { skip }, async () => {
  const { alice, bob, roomId } = await pair()
  for (const [one, other] of [
    [alice, bob],
    [bob, alice],
  ] as const) {
    const id = await tells(one, other, roomId, `from ${one.userId}`)
    await other.req('POST', `/rooms/${enc(roomId)}/receipt/m.read/${enc(id)}`, {})
    await other.req('PUT', `/rooms/${enc(roomId)}/typing/${enc(other.userId)}`, { typing: true, timeout: 20_000 })
    let [typing, read] = [false, false]
    await until(`${one.userId} sees the other type and read`, async () => {
      for (const { type, content } of (await one.sync()).rooms?.join?.[roomId]?.ephemeral?.events ?? []) {
        if (type === 'm.typing') typing ||= (content['user_ids'] as string[]).includes(other.userId)
        if (type === 'm.receipt') read ||= JSON.stringify(content[id] ?? {}).includes(other.userId)
      }
      return typing && read
    })
  }
})

test('profiles and their changes, both ways', { skip }, async () => {
  const { alice, bob, roomId } = await pair()
  for (const [one, other] of [
    [alice, bob],
    [bob, alice],
  ] as const) {
    await one.req('PUT', `/profile/${enc(one.userId)}/displayname`, { displayname: `I am ${one.userId}` })
    await until('the name of the profile', async () => {
      const { body } = await other.ask('GET', `/profile/${enc(one.userId)}`)
      return body['displayname'] === `I am ${one.userId}`
    })
    await until('the name in the room', async () => {
      const { body } = await other.ask('GET', `/rooms/${enc(roomId)}/state/m.room.member/${enc(one.userId)}`)
      return body['displayname'] === `I am ${one.userId}`
    })
  }
})

test('files, both ways', { skip }, async () => {
  const { alice, bob } = await pair()
  for (const [one, other] of [
    [alice, bob],
    [bob, alice],
  ] as const) {
    const text = `a file of ${one.userId}`
    const response = await fetch(`${one.base}/_matrix/media/v3/upload?filename=a.txt`, {
      method: 'POST',
      headers: { authorization: `Bearer ${one.token}`, 'content-type': 'text/plain' },
      body: text,
    })
    const { content_uri: uri } = (await response.json()) as { content_uri: string }
    const path = `/_matrix/client/v1/media/download/${uri.replace('mxc://', '')}`
    const { body } = await other.ask<string>('GET', path)
    assert.equal(body, text)
  }
})

test('aliases and public rooms, both ways', { skip }, async () => {
  const { latchkey, synapse: theirs } = await world()
  const [alice, bob] = [await latchkey.login(fresh('alice')), await theirs.register(fresh('bob'))]
  for (const [one, other] of [
    [alice, bob],
    [bob, alice],
  ] as const) {
    const server = serverOf(one.userId)
    const alias = fresh('room')
    const roomId = await one.createRoom({
      preset: 'public_chat',
      visibility: 'public',
      room_alias_name: alias,
      name: alias,
    })
    const found = await other.req<{ room_id: string; servers: string[] }>(
      'GET',
      `/directory/room/${enc(`#${alias}:${server}`)}`,
    )
    assert.equal(found.room_id, roomId)
    await until('it stands in the list', async () => {
      const { chunk } = await other.req<{ chunk: { room_id: string }[] }>('GET', `/publicRooms?server=${server}`)
      return chunk.some((room) => room.room_id === roomId)
    })
    assert.equal(await other.join(`#${alias}:${server}`), roomId)
    await tells(other, one, roomId, 'found it')
  }
})

let keys = 0
const deviceKeys = (client: Client) => {
  const key = signingKey(client.deviceId, new Uint8Array(32).fill(++keys))
  return signJson(
    {
      user_id: client.userId,
      device_id: client.deviceId,
      algorithms: ['m.olm.v1.curve25519-aes-sha2', 'm.megolm.v1.aes-sha2'],
      keys: {
        [`curve25519:${client.deviceId}`]: 'A'.repeat(43),
        [`ed25519:${client.deviceId}`]: key.publicKey,
      },
    },
    client.userId,
    key,
  )
}

test('device lists, device keys, one-time keys and messages to devices, both ways', { skip }, async () => {
  const { alice, bob } = await pair()
  for (const [one, other] of [
    [alice, bob],
    [bob, alice],
  ] as const) {
    await other.sync()
    await one.req('POST', '/keys/upload', {
      device_keys: deviceKeys(one),
      one_time_keys: { 'curve25519:AAAA': 'B'.repeat(43) },
    })
    await until('the change of the device list', async () =>
      (await other.sync()).device_lists?.changed?.includes(one.userId),
    )
    const queried = await until('the keys of the device', async () => {
      const answer = await other.req<{ device_keys: Record<string, Record<string, unknown>> }>('POST', '/keys/query', {
        device_keys: { [one.userId]: [] },
      })
      return answer.device_keys[one.userId]?.[one.deviceId]
    })
    assert.deepEqual(Object.keys(queried as object).includes('signatures'), true)
    const claimed = await other.req<{ one_time_keys: Record<string, Record<string, Record<string, unknown>>> }>(
      'POST',
      '/keys/claim',
      { one_time_keys: { [one.userId]: { [one.deviceId]: 'curve25519' } } },
    )
    assert.deepEqual(claimed.one_time_keys[one.userId]?.[one.deviceId], { 'curve25519:AAAA': 'B'.repeat(43) })
    await other.req('PUT', `/sendToDevice/org.example.hello/${fresh('t')}`, {
      messages: { [one.userId]: { [one.deviceId]: { hello: other.userId } } },
    })
    const heard = await until('the message to the device', async () =>
      (await one.sync()).to_device?.events.find(({ type }) => type === 'org.example.hello'),
    )
    assert.deepEqual([heard.sender, heard.content], [other.userId, { hello: other.userId }])
  }
})

test('redactions, reactions and edits, both ways', { skip }, async () => {
  const { alice, bob, roomId } = await pair()
  for (const [one, other] of [
    [alice, bob],
    [bob, alice],
  ] as const) {
    const id = await tells(one, other, roomId, 'a slip of the tongue')
    const reaction = await other.send(
      roomId,
      { 'm.relates_to': { rel_type: 'm.annotation', event_id: id, key: '👍' } },
      'm.reaction',
    )
    await sees(one, roomId, reaction)
    await one.req('PUT', `/rooms/${enc(roomId)}/redact/${enc(id)}/${fresh('t')}`, { reason: 'sorry' })
    await until('it is gone', async () => Object.keys((await sees(other, roomId, id)).content).length === 0)
  }
})

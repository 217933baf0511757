import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startNetwork } from '../../../test/harness/federation.ts'
import { Client } from '../../../test/harness/client.ts'
import { databases } from '../../../test/harness/postgres.ts'

for (const kind of databases) {
  test(`people, rooms and lists of another server are found through ours (${kind.name})`, async () => {
    await using net = await startNetwork(['hs1.test', 'hs2.test'], { database: kind.open, strangers: ['gone.test'] })
    const [alice, bob] = [await net.at('hs1.test').login('alice'), await net.at('hs2.test').login('bob')]
    await bob.req('PUT', `/profile/${bob.userId}/displayname`, { displayname: 'Bob' })
    assert.deepEqual(await alice.req('GET', `/profile/${bob.userId}`), { displayname: 'Bob' })
    assert.equal(await alice.refusal('GET', '/profile/@nobody:hs2.test'), '404 M_NOT_FOUND')
    assert.equal(await alice.refusal('GET', '/profile/@nobody:gone.test'), '502 M_UNKNOWN')

    const roomId = await bob.createRoom({
      preset: 'public_chat',
      room_alias_name: 'lobby',
      name: 'Lobby',
      visibility: 'public',
    })
    assert.deepEqual(await alice.req('GET', `/directory/room/${encodeURIComponent('#lobby:hs2.test')}`), {
      room_id: roomId,
      servers: ['hs2.test'],
    })
    assert.equal(
      await alice.refusal('GET', `/directory/room/${encodeURIComponent('#none:hs2.test')}`),
      '404 M_NOT_FOUND',
    )
    const listed = await alice.req<{ chunk: { name: string }[] }>('POST', '/publicRooms?server=hs2.test', {
      filter: { generic_search_term: 'lob' },
    })
    assert.deepEqual(
      listed.chunk.map(({ name }) => name),
      ['Lobby'],
    )
    assert.equal((await alice.req<{ chunk: [] }>('GET', '/publicRooms?server=hs2.test')).chunk.length, 1)
    assert.equal(await alice.refusal('GET', '/publicRooms?server=gone.test'), '502 M_UNKNOWN')
    const stranger = new Client(net.at('hs1.test').url)
    assert.equal(await stranger.refusal('GET', '/publicRooms?server=hs2.test'), '401 M_MISSING_TOKEN')

    const space = await bob.createRoom({ preset: 'public_chat', creation_content: { type: 'm.space' } })
    await bob.setState(space, 'm.space.child', { via: ['hs2.test'] }, roomId)
    const hidden = await bob.createRoom({ preset: 'private_chat' })
    await bob.setState(space, 'm.space.child', { via: ['hs2.test'] }, hidden)
    const { client } = net.at('hs1.test').homeserver.wires!
    const tree = (await client.ask('hs2.test', {
      path: `/_matrix/federation/v1/hierarchy/${encodeURIComponent(space)}`,
    })) as unknown as { children: { room_id: string }[]; inaccessible_children: string[] }
    assert.deepEqual(
      tree.children.map(({ room_id: id }) => id),
      [roomId],
    )
    assert.deepEqual(tree.inaccessible_children, [hidden])
  })
}

test('keys of users of other servers are asked for and claimed there; who does not answer is a failure', async () => {
  await using net = await startNetwork(['hs1.test'], { strangers: ['s.test', 'gone.test'] })
  const stranger = await net.stranger('s.test')
  const alice = await net.at('hs1.test').login('alice')
  const key = { user_id: '@bob:s.test', device_id: 'D', algorithms: [], keys: {}, signatures: {} }
  stranger.answer(({ path }) => {
    if (path.endsWith('/user/keys/query'))
      return {
        body: {
          device_keys: { '@bob:s.test': { D: key, OTHER: key, BAD: 5 }, '@alice:hs1.test': { EVIL: key } },
          master_keys: { '@bob:s.test': { user_id: '@bob:s.test', usage: ['master'], keys: { 'ed25519:x': 'x' } } },
        },
      }
    if (path.endsWith('/user/keys/claim'))
      return {
        body: {
          one_time_keys: {
            '@bob:s.test': { D: { 'signed_curve25519:A': { key: 'x', signatures: {} }, 'signed_curve25519:B': 7 } },
          },
        },
      }
    return undefined
  })
  const found = await alice.req<Record<string, Record<string, unknown>>>('POST', '/keys/query', {
    device_keys: { '@bob:s.test': [], '@eve:gone.test': [], [alice.userId]: [] },
  })
  assert.deepEqual(found['device_keys']?.['@bob:s.test'], { D: key })
  assert.deepEqual(found['device_keys']?.[alice.userId], {}, 'a server speaks for its own users alone')
  assert.ok(found['master_keys']?.['@bob:s.test'])
  assert.deepEqual(Object.keys(found['failures'] ?? {}), ['gone.test'])
  const claimed = await alice.req<Record<string, Record<string, unknown>>>('POST', '/keys/claim', {
    one_time_keys: { '@bob:s.test': { D: 'signed_curve25519' }, '@eve:gone.test': { E: 'signed_curve25519' } },
  })
  assert.ok(JSON.stringify(claimed['one_time_keys']).includes('signed_curve25519:A'))
  assert.deepEqual(Object.keys(claimed['failures'] ?? {}), ['gone.test'])

  const path = '/_matrix/federation/v1/user'
  const server = net.at('hs1.test')
  assert.equal(await stranger.outcome(server, 'GET', `${path}/devices/@alice:hs1.test`), '200')
  assert.equal(await stranger.outcome(server, 'GET', `${path}/devices/@nobody:hs1.test`), '404 M_NOT_FOUND')
  assert.equal(await stranger.outcome(server, 'GET', `${path}/devices/@bob:s.test`), '404 M_NOT_FOUND')
  const asked = await stranger.ask(server, 'POST', `${path}/keys/query`, {
    device_keys: { '@alice:hs1.test': [], '@bob:s.test': [] },
  })
  assert.deepEqual(asked.body['device_keys'], { '@alice:hs1.test': {} })
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startNetwork, type NetworkServer } from '../../../test/harness/federation.ts'
import type { Client } from '../../../test/harness/client.ts'
import { send } from '../../../test/harness/identity-provider.ts'
import { until } from '../../../test/harness/person.ts'
import { databases } from '../../../test/harness/postgres.ts'
import { enc } from '../fixture.test.ts'

const sqlite = databases[0]!.open
const api = '/_synapse/admin/v1'

const administrator = async (server: NetworkServer): Promise<Client> => {
  const root = await server.login('root')
  const { users } = server.homeserver
  await users.setAdmin(await users.intern('@root:hs1.test'), true)
  return root
}

interface Shown {
  destination: string
  retry_last_ts: number
  retry_interval: number
  failure_ts: number | null
  waiting: { events: number; edus: number }
}

test('a server that is told things is listed, with what waits for it, and one that went away is tried at once when asked for', async () => {
  await using net = await startNetwork(['hs1.test', 'hs2.test'], { database: sqlite })
  const [one, two] = [net.at('hs1.test'), net.at('hs2.test')]
  const root = await administrator(one)
  const bob = await two.login('bob')
  const room = await root.createRoom({ preset: 'public_chat' })
  await bob.req('POST', `/join/${enc(room)}?via=hs1.test`, {})
  await root.send(room, 'hello')
  const path = `${api}/federation/destinations/hs2.test`
  const fine = await until('it is listed', () => root.req<Shown>('GET', path).catch(() => undefined))
  assert.deepEqual([fine.destination, fine.failure_ts, fine.retry_interval], ['hs2.test', null, 0])
  const { destinations } = await root.req<{ destinations: Shown[] }>('GET', `${api}/federation/destinations`)
  assert.deepEqual(
    destinations.map(({ destination }) => destination),
    ['hs2.test'],
  )
  assert.equal(await root.refusal('POST', `${path}/reset_connection`, {}), '400 M_UNKNOWN')
  assert.equal(
    await root.refusal('POST', `${api}/federation/destinations/none.test/reset_connection`, {}),
    '404 M_NOT_FOUND',
  )

  await two.stop()
  await root.send(room, 'are you there?')
  const down = await until('it is seen to be away', async () => {
    const shown = await root.req<Shown>('GET', path)
    return shown.failure_ts !== null && shown.waiting.events > 0 && shown
  })
  assert.ok(down.retry_interval > 10_000 && down.retry_last_ts > 0)
  await two.start()
  await root.req('POST', `${path}/reset_connection`, {})
  await until('it has been told', async () => {
    const shown = await root.req<Shown>('GET', path)
    return shown.failure_ts === null && shown.waiting.events === 0
  })
  const back = await two.login('bob')
  const { chunk } = await back.req<{ chunk: { content: Record<string, unknown> }[] }>(
    'GET',
    `/rooms/${enc(room)}/messages?dir=b&limit=1`,
  )
  assert.equal(chunk[0]?.content['body'], 'are you there?')
})

test('what is kept of other servers is purged, counted, and fetched anew; uploads and what is in quarantine stay', async () => {
  await using net = await startNetwork(['hs1.test', 'hs2.test'])
  const root = await administrator(net.at('hs1.test'))
  const bob = await net.at('hs2.test').login('bob')
  const upload = async (client: Client, text: string): Promise<string> => {
    const answer = await send(`${client.base}/_matrix/media/v3/upload`, {
      method: 'POST',
      headers: { authorization: `Bearer ${client.token}`, 'content-type': 'text/plain' },
      body: text,
    })
    return ((await answer.json()) as { content_uri: string }).content_uri.slice('mxc://'.length)
  }
  const status = async (address: string): Promise<number> =>
    (
      await send(`${root.base}/_matrix/client/v1/media/download/${address}`, {
        headers: { authorization: `Bearer ${root.token}` },
      })
    ).status
  const [first, second, bad] = [await upload(bob, 'one'), await upload(bob, 'two'), await upload(bob, 'bad')]
  const ours = await upload(root, 'ours')
  for (const address of [first, second, bad, ours]) assert.equal(await status(address), 200)
  await root.req('POST', `${api}/media/quarantine/${bad}`, {})
  assert.equal(await status(bad), 404)
  const { media_info: info } = await root.req<{ media_info: Record<string, unknown> }>('GET', `${api}/media/${bad}`)
  assert.deepEqual([info['media_origin'], info['user_id']], ['hs2.test', null])
  const { changes } = await root.req<{ changes: { origin: string }[] }>('GET', `${api}/media/quarantine_changes`)
  assert.deepEqual(
    changes.map(({ origin }) => origin),
    ['hs2.test'],
  )

  const later = Date.now() + 60_000
  assert.deepEqual(await root.req('POST', `${api}/purge_media_cache?before_ts=1`, {}), { deleted: 0 })
  assert.deepEqual(await root.req('POST', `${api}/purge_media_cache?before_ts=${later}`, {}), { deleted: 2 })
  assert.deepEqual(await root.req('POST', `${api}/purge_media_cache?before_ts=${later}`, {}), { deleted: 0 })
  assert.deepEqual([await status(first), await status(bad), await status(ours)], [200, 404, 200])
  // Deleting unused uploads leaves alone what is of others.
  const { deleted_media: gone } = await root.req<{ deleted_media: string[] }>(
    'POST',
    `${api}/media/delete?before_ts=${later}&size_gt=0`,
    {},
  )
  assert.deepEqual(gone, [ours.split('/')[1]])
})

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { startNetwork } from '../../test/harness/federation.ts'
import { databases } from '../../test/harness/postgres.ts'
import type { JsonObject } from '../matrix/json.ts'
import { signingKey, verifyJson } from '../matrix/signing.ts'
import { rotateSigningKey } from '../server/signing-key.ts'
import { asClientError, RemoteError } from './index.ts'

for (const kind of databases) {
  test(`keys of others are fetched once, kept over a restart, and handed on by notaries (${kind.name})`, async () => {
    await using net = await startNetwork(['hs1.test', 'hs2.test'], {
      database: kind.open,
      strangers: ['s.test'],
      configs: { 'hs2.test': { federation: { notaries: ['hs1.test'] } } },
    })
    const stranger = await net.stranger('s.test')
    let asked = 0
    let isUp = true
    stranger.answer(({ path }) => {
      if (path !== '/_matrix/key/v2/server') return undefined
      asked += 1
      return isUp ? undefined : { status: 503, body: {} }
    })
    const wanted = { server: 's.test', keyId: 'ed25519:test', at: Date.now() }
    const keysOf = (name: string) => net.at(name).homeserver.wires!.keys
    const [one, again] = await Promise.all([keysOf('hs1.test').get([wanted]), keysOf('hs1.test').get([wanted])])
    assert.equal(one.of('s.test', 'ed25519:test')?.publicKey, stranger.key.publicKey)
    assert.equal(again.of('s.test', 'ed25519:test')?.publicKey, stranger.key.publicKey)
    assert.equal(asked, 1)

    await net.at('hs1.test').stop()
    await net.at('hs1.test').start()
    const kept = await keysOf('hs1.test').get([wanted])
    assert.equal(kept.of('s.test', 'ed25519:test')?.publicKey, stranger.key.publicKey)
    assert.equal(asked, 1)

    // A key that it does not have, and one that is asked for past its end.
    const none = await keysOf('hs1.test').get([
      { ...wanted, keyId: 'ed25519:other' },
      { ...wanted, at: Date.now() + 30 * 86_400_000 },
    ])
    assert.equal(none.of('s.test', 'ed25519:other'), undefined)
    assert.equal(none.of('s.test', 'ed25519:test'), undefined)
    assert.equal(asked, 2)
    await keysOf('hs1.test').get([{ ...wanted, keyId: 'ed25519:third' }])
    assert.equal(asked, 2, 'who has just answered is not asked again')

    isUp = false
    const fromNotary = await keysOf('hs2.test').get([wanted])
    assert.equal(fromNotary.of('s.test', 'ed25519:test')?.publicKey, stranger.key.publicKey)
    assert.equal(asked, 3)
    await keysOf('hs2.test').get([{ ...wanted, keyId: 'ed25519:fourth' }])
    assert.equal(asked, 3, 'who has just failed is not asked again')
  })
}

test('what a server says of its keys is signed, and a notary signs what it hands on', async () => {
  await using net = await startNetwork(['hs1.test', 'hs2.test'])
  const one = net.at('hs1.test').homeserver
  const published = (await one.inject('/_matrix/key/v2/server')).json<JsonObject>()
  const [[keyId, key] = ['', {}]] = Object.entries(published['verify_keys'] as JsonObject)
  const publicKey = (key as { key: string }).key
  assert.ok(verifyJson(published, 'hs1.test', keyId, publicKey))
  assert.ok((published['valid_until_ts'] as number) > Date.now() + 3_600_000)

  for (const request of [
    { method: 'GET' as const, url: '/_matrix/key/v2/query/hs2.test' },
    { method: 'POST' as const, url: '/_matrix/key/v2/query', payload: { server_keys: { 'hs2.test': {}, '//': {} } } },
  ]) {
    const { server_keys: list } = (await one.inject(request)).json<{ server_keys: JsonObject[] }>()
    assert.equal(list.length, 1)
    assert.equal(list[0]?.['server_name'], 'hs2.test')
    assert.ok(verifyJson(list[0] ?? {}, 'hs1.test', keyId, publicKey))
  }
  const own = (await one.inject('/_matrix/key/v2/query/hs1.test')).json<{ server_keys: JsonObject[] }>()
  assert.equal(own.server_keys[0]?.['server_name'], 'hs1.test')
})

test('one server asks another by name, and its certificate must be for that name', async () => {
  await using net = await startNetwork(['hs1.test', 'hs2.test'], {
    configs: { 'hs2.test': { federation: { deny_domains: ['hs3.test', 'evil.*'] } } },
  })
  const { client } = net.at('hs1.test').homeserver.wires!
  const version = await client.ask('hs2.test', { path: '/_matrix/federation/v1/version' })
  assert.equal((version as { server: { name: string } }).server.name, 'Latchkey')
  await assert.rejects(client.ask('hs1.test', { path: '/_matrix/federation/v1/version' }), RemoteError)
  await assert.rejects(
    client.ask('hs2.test', { path: '/_matrix/federation/v1/nothing' }),
    (error) => error instanceof RemoteError && error.status === 404 && error.errcode === 'M_UNRECOGNIZED',
  )
  const denied = net.at('hs2.test').homeserver.wires!.client
  await assert.rejects(denied.ask('evil.org', { path: '/_matrix/federation/v1/version' }), /not talked to/)
})

test('a server that is not there is not asked again at once, and a client learns which it was', async () => {
  await using net = await startNetwork(['hs1.test'], { strangers: ['gone.test'] })
  const { client, reach } = net.at('hs1.test').homeserver.wires!
  const ask = () => client.ask('gone.test', { path: '/_matrix/federation/v1/version' })
  await assert.rejects(ask(), /could not be asked/)
  assert.equal(reach.of('gone.test').failures, 1)
  await assert.rejects(ask(), /did not answer lately/)
  const told = await ask().catch(asClientError)
  assert.deepEqual(
    [(told as { status: number }).status, (told as Error).message],
    [502, 'gone.test could not be reached'],
  )
})

test('an error of another server is never handed on as it is', () => {
  const told = (status: number, errcode: string, error = 'because') => {
    const { status: code, errcode: name } = asClientError(
      new RemoteError('a.org', 'x', { status, errcode, error }),
    ) as { status: number; errcode: string }
    return `${code} ${name}`
  }
  assert.equal(told(401, 'M_UNKNOWN_TOKEN'), '502 M_UNKNOWN')
  assert.equal(told(401, 'M_MISSING_TOKEN'), '502 M_UNKNOWN')
  assert.equal(told(403, 'M_USER_LOCKED'), '502 M_UNKNOWN')
  assert.equal(told(403, 'M_FORBIDDEN'), '403 M_FORBIDDEN')
  assert.equal(told(404, 'M_NOT_FOUND'), '404 M_NOT_FOUND')
  assert.equal(told(500, 'M_FORBIDDEN'), '502 M_UNKNOWN')
  assert.equal(told(404, 'constructor'), '502 M_UNKNOWN')
})

test('a request is taken from the server that signed it, and from no other', async () => {
  await using net = await startNetwork(['hs1.test'], { strangers: ['s.test'] })
  const [server, stranger] = [net.at('hs1.test'), await net.stranger('s.test')]
  const path = '/_matrix/federation/v1/query/profile?user_id=@nobody:hs1.test'
  const outcome = (as?: Parameters<typeof stranger.ask>[4]) => stranger.outcome(server, 'GET', path, undefined, as)
  assert.equal(await outcome(), '404 M_NOT_FOUND')
  assert.equal(await outcome({ authorization: undefined }), '401 M_UNAUTHORIZED')
  assert.equal(await outcome({ authorization: 'Bearer abc' }), '401 M_UNAUTHORIZED')
  assert.equal(await outcome({ destination: 'hs9.test' }), '401 M_UNAUTHORIZED')
  assert.equal(await outcome({ origin: 'hs1.test' }), '401 M_UNAUTHORIZED')
  assert.equal(await outcome({ key: signingKey('test', randomBytes(32)) }), '401 M_UNAUTHORIZED')
  assert.equal(await outcome({ key: signingKey('other', randomBytes(32)) }), '401 M_UNAUTHORIZED')
})

test('after a change of keys the old one is published as old, and requests are signed with the new one', async () => {
  await using net = await startNetwork(['hs1.test', 'hs2.test'], { database: databases[0]!.open })
  const [one, two] = [net.at('hs1.test'), net.at('hs2.test')]
  const path = '/_matrix/federation/v1/query/profile'
  await one.login('alice')
  const ask = () => two.homeserver.wires!.client.ask('hs1.test', { path, query: { user_id: '@alice:hs1.test' } })
  await ask()
  await two.stop()
  const { old, fresh } = rotateSigningKey(two.homeserver.config, Date.now())
  await two.start()
  const published = (await two.homeserver.inject('/_matrix/key/v2/server')).json<Record<string, object>>()
  assert.deepEqual(Object.keys(published['verify_keys'] ?? {}), [fresh])
  assert.deepEqual(Object.keys(published['old_verify_keys'] ?? {}), [old])
  await assert.rejects(ask(), /401/, 'who was asked for its keys just now is not asked again at once')
  await one.stop()
  await one.start()
  await ask()
})

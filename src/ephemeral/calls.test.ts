import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { startServer } from '../../test/harness/server.ts'

const uris = ['turn:turn.example.org?transport=udp', 'turns:[2001:db8::1]:443?transport=tcp']
const log = { level: 'silent' } as const

test('each user has a name and a password for the TURN server, made from the secret that it shares', async () => {
  await using server = await startServer({
    turn: { uris, shared_secret: 'hush', lifetime: '2h' },
    rtc_transports: [{ type: 'livekit', livekit_service_url: 'https://a.test' }],
    log,
  })
  const alice = await server.login('alice')
  const before = Math.floor(Date.now() / 1000)
  const { username, password, ...rest } = await alice.req<{ username: string; password: string }>(
    'GET',
    '/voip/turnServer',
  )
  assert.deepEqual(rest, { uris, ttl: 7200 })
  const [expires = '', ...userId] = username.split(':')
  assert.equal(userId.join(':'), '@alice:test')
  assert.ok(Number(expires) >= before + 7200 && Number(expires) < before + 7260)
  assert.equal(password, createHmac('sha1', 'hush').update(username).digest('base64'))
  const transports = '/_matrix/client/unstable/org.matrix.msc4143/rtc/transports'
  assert.deepEqual(await alice.req('GET', transports), {
    rtc_transports: [{ type: 'livekit', livekit_service_url: 'https://a.test' }],
  })
  assert.equal(await server.client().refusal('GET', transports), '401 M_MISSING_TOKEN')
})

test('a TURN server without a shared secret has one name and password for everybody', async () => {
  await using server = await startServer({ turn: { uris, username: 'matrix', password: 'hush' }, log })
  assert.deepEqual(await (await server.login('alice')).req('GET', '/voip/turnServer'), {
    uris,
    username: 'matrix',
    password: 'hush',
    ttl: 86_400,
  })
  assert.equal(await server.client().refusal('GET', '/voip/turnServer'), '401 M_MISSING_TOKEN')
})

test('without a TURN server there are no credentials, and guests get none', async () => {
  await using server = await startServer({ allow_guests: true, log })
  assert.equal(await (await server.login('alice')).refusal('GET', '/voip/turnServer'), '404 M_NOT_FOUND')
  const guest = server.client()
  guest.token = (await guest.req<{ access_token: string }>('POST', '/register?kind=guest', {})).access_token
  assert.equal(await guest.refusal('GET', '/voip/turnServer'), '403 M_GUEST_ACCESS_FORBIDDEN')
})

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { Type } from 'typebox'
import { serve, type TestServer } from './fixture.test.ts'
import { route } from './index.ts'

const reply = Type.Record(Type.String(), Type.Unknown())
const routes = [
  route({
    id: 'login',
    method: 'GET',
    path: '/_matrix/client/v3/login',
    auth: 'none',
    reply,
    handle: () => ({ route: 'login' }),
  }),
  route({
    id: 'event',
    method: 'GET',
    path: '/_matrix/client/v3/rooms/:roomId/event/:eventId',
    auth: 'none',
    reply,
    handle: ({ params }) => ({ ...params }),
  }),
  route({
    id: 'state',
    method: 'GET',
    path: '/_matrix/client/v3/rooms/:roomId/state/:eventType/:stateKey',
    paths: ['/_matrix/client/v3/rooms/:roomId/state/:eventType', '/_matrix/client/v3/rooms/:roomId/state/:eventType/'],
    auth: 'none',
    reply,
    handle: ({ params }) => ({ ...params }),
  }),
]
let server: TestServer
let port = 0
before(async () => {
  server = serve(routes)
  const [origin = ''] = await server.http.listen(['127.0.0.1:0'])
  port = Number(new URL(origin).port)
})
after(() => server.http.close())

/** Sends a request target byte for byte: every HTTP client tidies it up. */
async function get(target: string): Promise<{ status: number; body: Record<string, unknown> }> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.end(`GET ${target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`)
  const [head = '', body = ''] = (await text(socket)).split('\r\n\r\n')
  return { status: Number(head.split(' ')[1]), body: JSON.parse(body) }
}

test('only the exact spelling of a path is known', async () => {
  const known = [
    '/_matrix/client/v3/login',
    '/_matrix/client/r0/login',
    '/_matrix/client/v3/login?',
    '/_matrix/client/v3/login?a=/../%2f;b',
    'http://elsewhere/_matrix/client/v3/login',
  ]
  for (const target of known) assert.equal((await get(target)).status, 200, target)
  const unknown = [
    '/_matrix/client/v3/login/',
    '/_matrix/client/v3/login/x',
    '/_matrix/client/v3//login',
    '//_matrix/client/v3/login',
    '/_matrix//client/v3/login',
    '/_matrix/client/v3/./login',
    '/_matrix/client/v3/x/../login',
    '/_matrix/client/v3/login/..',
    '/_matrix/client/v3/login/.',
    '/../_matrix/client/v3/login',
    '/_matrix/client/v3/%2e/login',
    '/_matrix/client/v3/x/%2e%2e/login',
    '/_matrix/client/v3/x/..%2flogin',
    '/_matrix/client/v3/login;',
    '/_matrix/client/v3/login;a=b',
    '/_matrix/client/v3;x/login',
    '/_matrix/client/v3/login%3b',
    '/_matrix/client%2fv3/login',
    '/_matrix/client%2Fv3%2Flogin',
    '/_matrix/client/v3%2flogin',
    '/%2f_matrix/client/v3/login',
    '/_matrix/client/v3/%6cogin',
    '/_matrix/client/v3/logi%6e',
    '/%5fmatrix/client/v3/login',
    '/_matrix/client/v3/login%00',
    '/_matrix/client/v3/login%20',
    '/_matrix/client/v3/Login',
    '/_MATRIX/client/v3/login',
    '/_matrix/client/V3/login',
    '/_matrix/client/v3/login.json',
    '/_matrix/client/v3/login#x',
    '/_matrix/client/v3/login#?x',
    '/_matrix/client/v4/login',
    '/_matrix/client/v3\\login',
    '/',
    '/_matrix',
    '/_matrix/client/v3/',
    'http://elsewhere/',
    'http://elsewhere',
    '/_matrix/client/v3/login%3fa',
    '/_matrix/client/v3/login%252f',
  ]
  for (const target of unknown) {
    const { status, body } = await get(target)
    assert.deepEqual([status, body['errcode']], [404, 'M_UNRECOGNIZED'], target)
  }
})

test('percent-encoding that cannot be decoded is 400', async () => {
  for (const target of [
    '/_matrix/client/v3/%zz',
    '/_matrix/client/v3/rooms/%/event/x',
    '/_matrix/client/v3/rooms/%ff/event/x',
    '/_matrix/client/v3/rooms/%ed%a0%80/event/x',
  ]) {
    const { status, body } = await get(target)
    assert.deepEqual([status, body['errcode']], [400, 'M_INVALID_PARAM'], target)
  }
})

test('ids in a path are decoded once', async () => {
  const cases: [string, string, string, string][] = [
    ['!abc:server', '$event', '!abc:server', '$event'],
    ['%21abc%3Aserver', '%24event', '!abc:server', '$event'],
    ['%23a%2Fb%3Aserver', '%24event%2Fwith%2Bslash', '#a/b:server', '$event/with+slash'],
    ['!a+b:server', '$with+plus', '!a+b:server', '$with+plus'],
    ['!a%252Fb', '%2525', '!a%2Fb', '%25'],
    ['!a%2e%2e', '%E2%82%AC%F0%9F%92%A9', '!a..', '€💩'],
    ['!semi;colon:x', '$a=b&c', '!semi;colon:x', '$a=b&c'],
    [`!${'x'.repeat(3000)}`, '$e', `!${'x'.repeat(3000)}`, '$e'],
  ]
  for (const [room, event, roomId, eventId] of cases) {
    assert.deepEqual((await get(`/_matrix/client/v3/rooms/${room}/event/${event}?x=1`)).body, { roomId, eventId })
  }
})

test('a parameter is never empty, a dot segment or has a NUL in it', async () => {
  for (const room of ['', '.', '..', '%2e', '%2E%2e', 'a%00b']) {
    assert.equal((await get(`/_matrix/client/v3/rooms/${room}/event/$e`)).status, 404, room)
    assert.equal((await get(`/_matrix/client/v3/rooms/!r/event/${room}`)).status, 404, room)
  }
})

test('a route may say that a last part may be left out', async () => {
  assert.deepEqual((await get('/_matrix/client/v3/rooms/!r/state/m.room.name/')).body, {
    roomId: '!r',
    eventType: 'm.room.name',
  })
  assert.deepEqual((await get('/_matrix/client/r0/rooms/!r/state/m.room.name')).body, {
    roomId: '!r',
    eventType: 'm.room.name',
  })
  assert.deepEqual((await get('/_matrix/client/v3/rooms/!r/state/m.room.name/k')).body, {
    roomId: '!r',
    eventType: 'm.room.name',
    stateKey: 'k',
  })
  assert.equal((await get('/_matrix/client/v3/rooms/!r/state/m.room.name//')).status, 404)
})

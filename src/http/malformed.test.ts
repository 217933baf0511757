import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import fc from 'fast-check'
import { Type } from 'typebox'
import { serve } from './fixture.test.ts'
import { route } from './index.ts'

const reply = Type.Record(Type.String(), Type.Unknown())
const routes = [
  route({
    id: 'put',
    method: 'PUT',
    path: '/_matrix/client/v3/rooms/:roomId/send/:type/:txn',
    auth: 'user',
    reply,
    params: Type.Object({ roomId: Type.String({ pattern: '^!' }), type: Type.String(), txn: Type.String() }),
    body: Type.Record(Type.String(), Type.Unknown()),
    handle: ({ params, body }) => ({ ...params, ...body }),
  }),
  route({
    id: 'get',
    method: 'GET',
    path: '/_matrix/client/v3/sync',
    auth: 'optional',
    reply,
    query: Type.Object({
      timeout: Type.Optional(Type.Integer()),
      full: Type.Optional(Type.Boolean()),
      list: Type.Optional(Type.Array(Type.String())),
    }),
    handle: ({ query }) => ({ ...query }),
  }),
  route({
    id: 'post',
    method: 'POST',
    path: '/_matrix/client/v3/login',
    auth: 'none',
    bodyLimit: 500,
    reply,
    body: Type.Object({ type: Type.String(), user: Type.Optional(Type.Object({ id: Type.String() })) }),
    handle: ({ body }) => ({ ...body }),
  }),
  route({
    id: 'raw',
    method: 'POST',
    path: '/_matrix/media/v3/upload',
    auth: 'none',
    rawBody: true,
    bodyLimit: 500,
    reply,
    handle: async ({ body }) => {
      for await (const chunk of body) assert.ok(chunk.byteLength > 0)
      return {}
    },
  }),
]

const word = fc.oneof(
  fc.constantFrom(
    '_matrix',
    'client',
    'v3',
    'r0',
    'rooms',
    '!a:b',
    'send',
    'm.room.message',
    'sync',
    'login',
    '..',
    '.',
    '',
    '%2f',
    '%',
    '%zz',
    '%00',
    '%ff',
    ';',
    '__proto__',
    'constructor',
  ),
  fc.string({ maxLength: 12 }).map((part) => part.replaceAll(/[\s#?]/g, '').replaceAll(/[^\x21-\x7e]/g, '%')),
)
const known = fc.constantFrom(
  '/_matrix/client/v3/rooms/!a:b/send/m.room.message/1',
  '/_matrix/client/v3/sync',
  '/_matrix/client/v3/login',
  '/_matrix/media/v3/upload',
)
const path = fc.oneof(
  known,
  known,
  fc.array(word, { maxLength: 9 }).map((parts) => `/${parts.join('/')}`),
)
const query = fc.oneof(
  fc.constant(''),
  fc
    .array(fc.tuple(fc.constantFrom('timeout', 'full', 'list', '__proto__', 'access_token', 'x'), word), {
      maxLength: 4,
    })
    .map((pairs) => `?${pairs.map(([key, value]) => `${key}=${value}`).join('&')}`),
)
const method = fc.oneof(
  fc.constantFrom('GET', 'PUT', 'POST', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS'),
  fc.constantFrom('TRACE', 'PROPFIND', 'PURGE', 'QUERY', 'get', 'BREW', 'M-SEARCH'),
)
const body = fc.oneof(
  fc.json(),
  fc.string(),
  fc.constantFrom(
    '{"type":"x"}',
    '{"type":1}',
    '{"type":"x","user":[]}',
    '{"__proto__":{"a":1}}',
    '{"a":"\\ud800"}',
    '{"a":1e999}',
    '{"a":{',
    '[]',
    'null',
    '""',
    ' ',
  ),
  fc.nat({ max: 2000 }).map((depth) => '['.repeat(depth) + ']'.repeat(depth)),
)
const headers = fc.dictionary(
  fc.constantFrom(
    'authorization',
    'content-type',
    'content-length',
    'transfer-encoding',
    'expect',
    'accept-version',
    'x-forwarded-for',
    'origin',
    'upgrade',
    'connection',
    'range',
  ),
  fc.oneof(
    fc.constantFrom(
      'Bearer alice',
      'Bearer x',
      'Bearer',
      'application/json',
      'text/plain; charset=',
      ';',
      '0',
      '5',
      '99999999999',
      '-1',
      'chunked',
      '100-continue',
      'websocket',
      'Upgrade',
      '1.x',
    ),
    fc.string({ maxLength: 20 }).map((value) => value.replaceAll(/[^\x20-\x7e]/g, '')),
  ),
  { maxKeys: 4 },
)

/** Every whole answer in what came back: `100 Continue` aside. */
const statusOf = (answer: string): number[] =>
  [...answer.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map((match) => Number(match[1])).filter((status) => status !== 100)

test('no request, however malformed, is answered with 5xx, and every refusal is JSON with an errcode', async () => {
  await using s = serve(routes)
  const [origin = ''] = await s.http.listen(['127.0.0.1:0'])
  const port = Number(new URL(origin).port)
  const ask = async (bytes: string): Promise<string> => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    await once(socket, 'connect')
    socket.end(bytes)
    return text(socket).catch(() => '')
  }
  await fc.assert(
    fc.asyncProperty(method, path, query, headers, body, async (method, path, query, headers, body) => {
      const length =
        'content-length' in headers || 'transfer-encoding' in headers
          ? {}
          : { 'content-length': String(Buffer.byteLength(body)) }
      const lines = Object.entries({ host: 'localhost', connection: 'close', ...length, ...headers }).map(
        ([name, value]) => `${name}: ${value}\r\n`,
      )
      const answer = await ask(`${method} ${path}${query} HTTP/1.1\r\n${lines.join('')}\r\n${body}`)
      for (const status of statusOf(answer)) assert.ok(status < 500, answer)
      const [head = '', content = ''] = answer.split('\r\n\r\n')
      if (head.startsWith('HTTP/1.1 4') && method !== 'HEAD') {
        assert.match(head, /content-type: application\/json/)
        assert.match(content, /^\{"errcode":"M_[A-Z_]+","error":"/)
      }
    }),
    { numRuns: 2000 },
  )
  assert.deepEqual(
    s.logged.filter((line) => line.level === 'error'),
    [],
  )
  assert.equal(({} as Record<string, unknown>)['a'], undefined)
})

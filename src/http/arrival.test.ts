// Bodies that are larger than a route takes, or that come too slowly.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { test } from 'node:test'
import { Type } from 'typebox'
import { ClientGone, readJson, streamBytes } from './body.ts'
import { serve } from './fixture.test.ts'
import { route } from './index.ts'

const body = Type.Record(Type.String(), Type.Unknown())
const reply = Type.Object({})
const base = { method: 'POST', body, reply, handle: () => ({}) } as const
const routes = [
  route({ ...base, id: 'login', path: '/login', auth: 'none' }),
  route({ ...base, id: 'register', path: '/register', auth: 'optional' }),
  route({ ...base, id: 'send', path: '/send', auth: 'user' }),
  route({ ...base, id: 'keys', path: '/keys', auth: 'user', bodyLimit: 4_000_000 }),
  route({ ...base, id: 'transactions', path: '/transactions', auth: 'none', bodyLimit: 2_000_000 }),
]

test('strangers may send 64 KiB, whoever is signed in a mebibyte, and more where a route says so', async () => {
  await using server = serve(routes, { maxRequestSize: 3_000_000 })
  const ask = async (url: string, size: number, token?: string): Promise<number> =>
    (
      await server.http.inject({
        method: 'POST',
        url,
        payload: JSON.stringify({ text: 'x'.repeat(size - 11) }),
        ...(token !== undefined && { headers: { authorization: `Bearer ${token}` } }),
      })
    ).statusCode
  assert.deepEqual([await ask('/login', 65_536), await ask('/login', 65_537)], [200, 413])
  assert.deepEqual([await ask('/register', 65_536), await ask('/register', 65_537)], [200, 413])
  assert.equal(await ask('/register', 65_537, 'alice'), 200)
  assert.deepEqual([await ask('/send', 1_048_576, 'alice'), await ask('/send', 1_048_577, 'alice')], [200, 413])
  assert.deepEqual([await ask('/keys', 3_000_000, 'alice'), await ask('/keys', 3_000_001, 'alice')], [200, 413])
  assert.deepEqual([await ask('/transactions', 2_000_000), await ask('/transactions', 2_000_001)], [200, 413])
})

test('a body whose client has gone before it is read is given up at once', async () => {
  const read: ((request: IncomingMessage) => Promise<unknown>)[] = [
    async (request) => readJson(request, { limit: 1000 }),
    async (request) => {
      for await (const _ of streamBytes(request, { limit: 1000 }));
    },
  ]
  for (const one of read) {
    const outcome = Promise.withResolvers<unknown>()
    const server = createServer((request) => {
      request.once('close', () => {
        setImmediate(() => void one(request).then(outcome.resolve, outcome.resolve))
      })
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => {})
    socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"a":', () => socket.destroy())
    assert.ok((await outcome.promise) instanceof ClientGone)
    server.close()
  }
})

/** Reads half a body, of a client who then sends nothing more. */
async function half(read: (request: IncomingMessage) => Promise<unknown>): Promise<unknown> {
  const asked = Promise.withResolvers<unknown>()
  const server = createServer((request) => {
    read(request).then(asked.resolve, asked.resolve)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => {})
  socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"a":')
  const outcome = await asked.promise
  socket.destroy()
  server.close()
  return outcome
}

test('a body that does not come in time is given up', async () => {
  const options = { limit: 1000, patienceMs: 30 }
  assert.equal(((await half(async (request) => readJson(request, options))) as { status: number }).status, 408)
  const all = async (request: IncomingMessage): Promise<void> => {
    for await (const _ of streamBytes(request, options));
  }
  assert.equal(((await half(all)) as Error).message, 'The client went away')
})

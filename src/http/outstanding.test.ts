// Clients that ask and do not read, that send and do not end, and that open more connections than anybody needs.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Type } from 'typebox'
import { createGatekeeper } from './connections.ts'
import { alice, serve, type TestServer } from './fixture.test.ts'
import { RawJson, route } from './index.ts'

const mebibyte = 1024 * 1024
const large = JSON.stringify('x'.repeat(4 * mebibyte))
let made = 0
const base = { reply: Type.Any(), auth: 'user' } as const
const routes = [
  route({
    ...base,
    method: 'GET',
    id: 'messages',
    path: '/messages',
    handle: () => {
      made += 1
      return new RawJson(large)
    },
  }),
  route({ ...base, method: 'GET', id: 'small', path: '/small', handle: () => ({ fine: true }) }),
  route({
    ...base,
    method: 'POST',
    id: 'keys',
    path: '/keys',
    body: Type.Object({}),
    bodyLimit: 8 * mebibyte,
    handle: () => ({}),
  }),
]

const open = (url: string): Socket => connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {})
const get = (path: string, token: string): string =>
  `GET ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\n\r\n`

const ask = async ({ http }: TestServer, path: string, token: string): Promise<number> =>
  (await http.inject({ url: path, headers: { authorization: `Bearer ${token}` } })).statusCode

async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let turn = 0; turn < 500; turn++) {
    if (await holds()) return
    await sleep(10)
  }
  assert.fail(`it never came to be that ${what}`)
}

const users = { alice, bob: { ...alice, user: 9, userId: '@bob:localhost' } }
const limits = { each: 16 * mebibyte, all: 1024 * mebibyte }
const options = {
  outstanding: limits,
  maxRequestSize: 8 * mebibyte,
  authenticate: (token: string) => users[token as 'alice' | 'bob'],
}

test('who asks and never reads is refused when so much waits for them, and nobody else is', async () => {
  await using server = serve(routes, options)
  const [url = ''] = await server.http.listen(['127.0.0.1:0'])
  made = 0
  const sockets = Array.from({ length: 60 }, () => {
    const socket = open(url).pause()
    socket.write(get('/messages', 'alice'))
    return socket
  })
  await until(() => made === 60, 'all were asked')
  await until(async () => (await ask(server, '/messages', 'alice')) === 429, 'alice is refused')
  assert.equal(await ask(server, '/small', 'alice'), 200)
  assert.equal(await ask(server, '/messages', 'bob'), 200)
  // What waits is four answers at most, and what the system has taken of the others: these are refusals.
  let read = 0
  for (const socket of sockets) socket.on('data', (chunk: Buffer) => void (read += chunk.length)).resume()
  await until(async () => (await ask(server, '/messages', 'alice')) === 200, 'alice has read all')
  await sleep(50)
  assert.ok(read < 40 * mebibyte, `${read} bytes were answered`)
  for (const socket of sockets) socket.destroy()
})

test('who goes away without having read leaves nothing behind', async () => {
  await using server = serve(routes, options)
  const [url = ''] = await server.http.listen(['127.0.0.1:0'])
  const sockets = Array.from({ length: 30 }, () => {
    const socket = open(url).pause()
    socket.write(get('/messages', 'alice'))
    return socket
  })
  await until(async () => (await ask(server, '/messages', 'alice')) === 429, 'alice is refused')
  for (const socket of sockets) socket.destroy()
  await until(async () => (await ask(server, '/messages', 'alice')) === 200, 'nothing is held')
})

test('who takes nothing of an answer for too long is cut off', async () => {
  await using server = serve(routes, { ...options, outstanding: { writeTimeoutMs: 100 } })
  const [url = ''] = await server.http.listen(['127.0.0.1:0'])
  const socket = open(url).pause()
  socket.write(get('/messages', 'alice') + get('/messages', 'alice') + get('/messages', 'alice'))
  let read = 0
  await sleep(600)
  socket.on('data', (chunk: Buffer) => void (read += chunk.length)).resume()
  await once(socket, 'close')
  assert.ok(read < 3 * large.length, `${read} bytes were answered`)
})

test('bodies that do not end are counted for whoever sends them', async () => {
  await using server = serve(routes, options)
  const [url = ''] = await server.http.listen(['127.0.0.1:0'])
  const part = 'x'.repeat(7 * mebibyte)
  const head = `POST /keys HTTP/1.1\r\nhost: x\r\nauthorization: Bearer alice\r\ncontent-length: ${8 * mebibyte}\r\n\r\n`
  const answers: string[] = []
  const sockets = Array.from({ length: 4 }, () => {
    const socket = open(url)
    socket.on('data', (chunk: Buffer) => void answers.push(chunk.toString()))
    socket.write(`${head}{"x":"${part}`)
    return socket
  })
  await until(() => answers.length === 2, 'two are refused')
  for (const answer of answers) assert.match(answer, /^HTTP\/1\.1 429 [^]*connection: close[^]*M_LIMIT_EXCEEDED/i)
  for (const socket of sockets) socket.destroy()
  const payload = JSON.stringify({ x: 'x'.repeat(7 * mebibyte) })
  await until(
    async () =>
      (await server.http.inject({ method: 'POST', url: '/keys', payload, headers: { authorization: 'Bearer alice' } }))
        .statusCode === 200,
    'nothing is held',
  )
})

test('connections are bounded, in all and for one address', async () => {
  await using server = serve(routes, { maxConnections: 10 })
  const [url = ''] = await server.http.listen(['127.0.0.1:0'])
  const sockets = Array.from({ length: 10 }, () => open(url))
  await Promise.all(sockets.map((socket) => once(socket, 'connect')))
  const [refusal] = (await once(open(url), 'data')) as [Buffer]
  assert.match(refusal.toString(), /^HTTP\/1\.1 503 [^]*retry-after: 10[^]*M_LIMIT_EXCEEDED/)
  sockets[0]?.destroy()
  await until(async () => {
    const socket = open(url)
    socket.write(get('/small', 'alice'))
    const [answer] = (await once(socket, 'data')) as [Buffer]
    socket.destroy()
    return answer.toString().startsWith('HTTP/1.1 200')
  }, 'there is room again')
  for (const socket of sockets) socket.destroy()

  const { admit } = createGatekeeper({ all: 40, isShared: (address) => address === '10.0.0.1' })
  const from = (address: string): boolean =>
    admit(Object.create({ remoteAddress: address, once() {}, end() {} }) as Socket)
  assert.deepEqual(Array.from({ length: 12 }, () => from('::ffff:192.0.2.1')).indexOf(false), 10)
  assert.deepEqual(Array.from({ length: 12 }, (_, index) => from(`2001:db8::${index}`)).indexOf(false), 10)
  assert.deepEqual(Array.from({ length: 30 }, () => from('10.0.0.1')).indexOf(false), 20)
})

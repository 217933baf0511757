// A request that is answered before its body was read whole: the connection is good for the next request, or says that it is not.
import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Type } from 'typebox'
import { serve } from './fixture.test.ts'
import { Reply, route } from './index.ts'

const reply = Type.Record(Type.String(), Type.Unknown())
const base = { method: 'POST', auth: 'none', reply } as const
const routes = [
  route({ ...base, id: 'json', path: '/json', body: Type.Object({}), bodyLimit: 1000, handle: () => ({}) }),
  route({ ...base, id: 'token', path: '/token', auth: 'user', body: Type.Object({}), handle: () => ({}) }),
  route({ ...base, id: 'unread', path: '/unread', handle: () => ({}) }),
  route({ ...base, id: 'ignored', path: '/ignored', rawBody: true, handle: () => ({}) }),
  route({
    ...base,
    id: 'raw',
    path: '/raw',
    rawBody: true,
    bodyLimit: 1000,
    handle: async ({ body }) => {
      for await (const chunk of body) assert.ok(chunk.byteLength)
    },
  }),
  route({
    ...base,
    id: 'disk',
    path: '/disk',
    rawBody: true,
    handle: async ({ body }) => {
      for await (const _ of body) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
    },
  }),
  route({
    ...base,
    id: 'page',
    path: '/page',
    rawBody: true,
    bodyLimit: 1000,
    handle: async ({ body }) => {
      try {
        for await (const _ of body);
      } catch {
        return new Reply({ status: 303, headers: { location: '/' } })
      }
      return new Reply({ body: '' })
    },
  }),
  route({ ...base, method: 'GET', id: 'versions', path: '/versions', handle: () => ({ next: true }) }),
]
const paths = ['/json', '/token', '/unread', '/ignored', '/raw', '/disk', '/page', '/nowhere']

/** All that comes back until nothing has come for a while, or `done` says that it is all. */
async function told(socket: Socket, done: (text: string) => boolean): Promise<string> {
  let text = ''
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  socket.on('error', () => {})
  for (let turn = 0; turn < 400 && !socket.closed && !done(text); turn++) await sleep(5)
  return text
}

const head = (path: string, more: string): string => `POST ${path} HTTP/1.1\r\nhost: x\r\n${more}\r\n\r\n`
const next = 'GET /versions HTTP/1.1\r\nhost: x\r\n\r\n'

const chunked = (bytes: number): string =>
  `${`4000\r\n${'x'.repeat(0x4000)}\r\n`.repeat(Math.ceil(bytes / 0x4000))}0\r\n\r\n`

const forms = {
  'by length': (path: string, bytes: number) => head(path, `content-length: ${bytes}`) + 'x'.repeat(bytes),
  'by chunks': (path: string, bytes: number) => head(path, 'transfer-encoding: chunked') + chunked(bytes),
}

for (const [form, make] of Object.entries(forms)) {
  for (const bytes of [5000, 900_000, 5_000_000]) {
    test(`a body of ${bytes} bytes ${form} that is not read never holds up the next request`, async () => {
      await using server = serve(routes)
      const [url = ''] = await server.http.listen(['127.0.0.1:0'])
      for (const path of paths) {
        const socket = connect(Number(new URL(url).port), '127.0.0.1')
        socket.write(make(path, bytes) + next)
        const text = await told(socket, (so_far) => so_far.includes('"next":true'))
        assert.match(text, /^HTTP\/1\.1 \d{3} /, path)
        if (/^connection: close/im.test(text)) assert.doesNotMatch(text, /"next"/, path)
        else assert.match(text, /"next":true/, path)
        if (form === 'by length' && bytes === 5000) assert.doesNotMatch(text, /^connection: close/im, path)
        socket.destroy()
      }
    })
  }
}

test('a client that sends without end reads its refusal, and is cut off', async () => {
  await using server = serve(routes)
  const [url = ''] = await server.http.listen(['127.0.0.1:0'])
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.write(head('/raw', 'transfer-encoding: chunked'))
  const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`
  let sent = 0
  const more = (): void => {
    while (socket.writable && sent < 2000) {
      sent++
      if (!socket.write(chunk)) {
        socket.once('drain', more)
        return
      }
    }
  }
  more()
  const text = await told(socket, () => false)
  assert.match(text, /^HTTP\/1\.1 413 [^]*M_TOO_LARGE/)
  assert.ok(socket.closed && sent < 2000, `${sent} chunks were taken`)
})

// Clients that go away at every stage of a streamed answer: what was opened for them is closed.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Type } from 'typebox'
import { MatrixError } from '../matrix/errors.ts'
import { alice, serve } from './fixture.test.ts'
import { Reply, route } from './index.ts'

const silent = (): Readable => new Readable({ read: () => {} })
const endless = (): Readable => new Readable({ read: (): boolean => true, highWaterMark: 1 })

/** Serves `/file`, whose handler and body take as long as they are told to, and remembers the bodies. */
async function world(make: () => Readable, handler: Promise<void>, opening: Promise<void>) {
  const bodies: Readable[] = []
  const asked = Promise.withResolvers<void>()
  const file = route({
    id: 'file',
    method: 'GET',
    path: '/file',
    auth: 'user',
    reply: Type.Any(),
    handle: async ({ signal }) => {
      asked.resolve()
      await Promise.race([handler, once(signal, 'abort').catch(() => {})])
      return new Reply({
        body: async () => {
          await opening
          const body = make()
          bodies.push(body)
          return body
        },
      })
    },
  })
  const session = { ended: false }
  const server = serve([file], {
    authenticate: () => {
      if (session.ended) throw new MatrixError('M_UNKNOWN_TOKEN', 'This session has ended')
      return alice
    },
  })
  const [url = ''] = await server.http.listen(['127.0.0.1:0'])
  const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {})
  socket.write('GET /file HTTP/1.1\r\nhost: x\r\nauthorization: Bearer alice\r\n\r\n')
  await asked.promise
  return { server, socket, bodies, session }
}

for (const [stage, make] of [
  ['before its first byte', silent],
  ['in the middle', endless],
] as const) {
  test(`a body whose client goes away ${stage} is closed`, async () => {
    const { server, socket, bodies } = await world(make, Promise.resolve(), Promise.resolve())
    await using _ = server
    while (bodies.length === 0) await sleep(1)
    socket.destroy()
    for (let turn = 0; turn < 500 && !bodies[0]?.destroyed; turn++) await sleep(2)
    assert.ok(bodies[0]?.destroyed)
  })
}

test('a body that is opened while its client goes away is closed', async () => {
  const opening = Promise.withResolvers<void>()
  const { server, socket, bodies } = await world(silent, Promise.resolve(), opening.promise)
  await using _ = server
  socket.destroy()
  await sleep(20)
  opening.resolve()
  for (let turn = 0; turn < 500 && !bodies[0]?.destroyed; turn++) await sleep(2)
  assert.ok(bodies[0]?.destroyed)
})

test('a reply whose session has ended meanwhile opens nothing', async () => {
  const { server, socket, bodies, session } = await world(silent, new Promise(() => {}), Promise.resolve())
  await using _ = server
  session.ended = true
  server.http.recheck({ user: alice.user })
  const [answer] = (await once(socket, 'data')) as [Buffer]
  assert.match(answer.toString(), /^HTTP\/1\.1 401 /)
  socket.destroy()
  assert.deepEqual(bodies, [])
})

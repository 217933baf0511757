import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { quantile } from '../bench/measure.ts'
import { buildRequest, Connection, parseOrigin } from '../bench/wire.ts'

const chunked = (body: string, size: number): string => {
  const bytes = Buffer.from(body)
  let out = ''
  for (let at = 0; at < bytes.length; at += size) {
    const part = bytes.subarray(at, at + size)
    out += `${part.length.toString(16)}\r\n${part.toString('latin1')}\r\n`
  }
  return `${out}0\r\n\r\n`
}

test('an answer is read whole, however it is framed and however the network cuts it', async () => {
  const answers: { bytes: Buffer; cuts: number[] }[] = []
  const server = createServer((socket) => {
    socket
      .setNoDelay(true)
      .on('error', () => {})
      .on(
        'data',
        () =>
          void (async () => {
            const { bytes, cuts } = answers.shift() ?? { bytes: Buffer.alloc(0), cuts: [] }
            const places = [0, ...cuts.map((cut) => cut % bytes.length).sort((a, b) => a - b), bytes.length]
            for (const [index, place] of places.slice(1).entries()) {
              socket.write(bytes.subarray(places[index], place))
              await new Promise((resolve) => setImmediate(resolve))
            }
          })(),
      )
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = parseOrigin(`http://127.0.0.1:${(server.address() as AddressInfo).port}/base/`)
  const connection = new Connection(origin)
  const request = buildRequest(origin, 'GET', '/x')
  assert.match(request.toString(), /^GET \/base\/x HTTP\/1\.1\r\nHost: 127\.0\.0\.1:\d+\r\n/)
  await fc.assert(
    fc.asyncProperty(
      fc.json({ noUnicodeString: false }),
      fc.boolean(),
      fc.integer({ min: 1, max: 50 }),
      fc.array(fc.nat(), { maxLength: 5 }),
      fc.constantFrom(200, 401, 503),
      async (body, inChunks, size, cuts, status) => {
        const head = `HTTP/1.1 ${status} Whatever\r\nContent-Type: application/json\r\n`
        const rest = inChunks
          ? `Transfer-Encoding: chunked\r\n\r\n${chunked(body, size)}`
          : `content-length: ${Buffer.byteLength(body)}\r\n\r\n${Buffer.from(body).toString('latin1')}`
        answers.push({ bytes: Buffer.from(head + rest, 'latin1'), cuts })
        const answer = await connection.exchange(request)
        assert.equal(answer.status, status)
        assert.equal(answer.body.toString(), body)
      },
    ),
    { numRuns: 300 },
  )
  connection.close()
  server.close()
})

test('a connection that the server closed is opened again, and one that breaks under way rejects', async () => {
  let count = 0
  const server = createServer((socket) => {
    socket
      .on('error', () => {})
      .on('data', () => {
        if (++count === 3) socket.destroy()
        else socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}')
      })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = parseOrigin(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const connection = new Connection(origin)
  const ask = (): Promise<{ status: number }> => connection.exchange(buildRequest(origin, 'GET', '/'))
  const later = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 50))
  assert.equal((await ask()).status, 200)
  await later()
  assert.equal((await ask()).status, 200)
  await later()
  await assert.rejects(ask(), /closed/)
  connection.close()
  server.close()
})

test('a quantile is a value that was measured', () => {
  assert.equal(quantile([1, 2, 3, 4], 0.5), 2)
  assert.equal(quantile([1, 2, 3, 4], 0.99), 4)
  assert.equal(quantile([7], 0.5), 7)
  assert.ok(Number.isNaN(quantile([], 0.5)))
})

import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import fc from 'fast-check'
import { boundaryOf, readMultipart } from './multipart.ts'

const body = (file: Buffer): Buffer =>
  Buffer.concat([
    Buffer.from('--b\r\nContent-Type: application/json\r\n\r\n{}\r\n--b\r\nContent-Type: image/png\r\nX:  y \r\n\r\n'),
    file,
    Buffer.from('\r\n--b--\r\n'),
  ])

async function read(chunks: readonly Buffer[]): Promise<{ headers: Record<string, string>; text: Buffer }[]> {
  const parts: { headers: Record<string, string>; text: Buffer }[] = []
  for await (const part of readMultipart(Readable.from(chunks, { objectMode: false }), 'b')) {
    const text: Buffer[] = []
    for await (const chunk of part.body) text.push(chunk)
    parts.push({ headers: Object.fromEntries(part.headers), text: Buffer.concat(text) })
  }
  return parts
}

test('a body is read part by part, however it is cut', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 1, max: 50 }), async (bytes, size) => {
      // Nearly the boundary, and never that.
      const file = Buffer.concat([Buffer.from(bytes), Buffer.from('\r\n--c'), Buffer.from(bytes)])
      const whole = body(file)
      const chunks = Array.from({ length: Math.ceil(whole.length / size) }, (_, index) =>
        whole.subarray(index * size, (index + 1) * size),
      )
      const [first, second, ...rest] = await read(chunks)
      assert.equal(first?.text.toString(), '{}')
      assert.deepEqual(second?.headers, { 'content-type': 'image/png', x: 'y' })
      assert.ok(second.text.equals(file))
      assert.equal(rest.length, 0)
    }),
    { numRuns: 60 },
  )
})

test('a body that makes no sense ends with an error, and never in silence', async () => {
  for (const text of ['', 'x', '--b', '--b\r\n', '--b\r\nA: b\r\n\r\nunfinished', `${'x'.repeat(100_000)}\r\n--b--`])
    await assert.rejects(read([Buffer.from(text)]), /no multipart body/)
  await assert.rejects(read([Buffer.from(`--b\r\nA: ${'x'.repeat(100_000)}\r\n\r\n`)]), /no multipart body/)
})

test('a boundary is found whatever the case and quotes', () => {
  assert.equal(boundaryOf('Multipart/Mixed; charset=x; Boundary="a b"'), 'a b')
  assert.equal(boundaryOf('multipart/mixed;boundary=abc'), 'abc')
  for (const text of ['', 'text/plain; boundary=a', 'multipart/mixed', 'multipart/mixed; boundary='])
    assert.equal(boundaryOf(text), undefined, text)
})

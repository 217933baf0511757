import assert from 'node:assert/strict'
import { request } from 'node:http'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseRange } from './byte-range.ts'
import { contentDisposition } from './disposition.ts'
import { clientFetch, inEveryWorld, inWorld, mediaIdOf, type World } from './fixture.test.ts'
import { folderStore } from './folder-store.ts'
import { isInline, normalType } from './media-type.ts'
import { checkName, objectName } from './object-store.ts'

const csp =
  "sandbox; default-src 'none'; script-src 'none'; plugin-types application/pdf; style-src 'unsafe-inline'; object-src 'self';"

// CVE-2023-41318
inWorld(
  'whatever a file claims to be, it comes with the headers that keep it harmless',
  {},
  async ({ ask, upload }) => {
    const types = {
      'image/png': 'inline',
      'IMAGE/PNG': 'inline',
      'text/plain;charset=utf-8': 'inline',
      'video/mp4': 'inline',
      'text/html': 'attachment',
      'Text/HTML; charset=utf-8': 'attachment',
      'image/svg+xml': 'attachment',
      'Image/SVG+XML': 'attachment',
      ' image/svg+xml ; x=y': 'attachment',
      'application/xhtml+xml': 'attachment',
      'application/javascript': 'attachment',
      'text/xml': 'attachment',
      'application/pdf': 'attachment',
      nonsense: 'attachment',
      'image/png, text/html': 'inline',
    }
    for (const [type, disposition] of Object.entries(types)) {
      const id = await upload('<script>alert(1)</script>', type)
      for (const path of [id, `${id}/other.html`]) {
        const { headers, status } = await ask('GET', `/_matrix/client/v1/media/download/one.test/${path}`, {
          token: 'guest',
        })
        assert.equal(status, 200)
        assert.equal(headers.get('content-disposition')?.split(';')[0], disposition, type)
        assert.equal(headers.get('content-security-policy'), csp)
        assert.equal(headers.get('cross-origin-resource-policy'), 'cross-origin')
        assert.equal(headers.get('x-content-type-options'), 'nosniff')
        assert.equal(headers.get('access-control-allow-origin'), '*')
        assert.equal(headers.get('cache-control'), 'private, max-age=86400, immutable')
      }
    }
  },
)

inWorld('the name in the path takes the place of the name of the upload', {}, async ({ ask, upload }) => {
  const id = await upload('x', 'text/plain', '?filename=%E2%82%AC.txt')
  const disposition = async (path: string) =>
    (await ask('GET', `/_matrix/client/v1/media/download/one.test/${path}`, { token: 'alice' })).headers.get(
      'content-disposition',
    )
  assert.equal(await disposition(id), "inline; filename*=UTF-8''%E2%82%AC.txt")
  assert.equal(await disposition(`${id}/a%22b.txt`), "inline; filename*=UTF-8''a%22b.txt")
  assert.equal(await disposition(`${id}/..%2F..%2Fetc%2Fpasswd`), 'inline; filename="../../etc/passwd"')
  assert.equal(await disposition(`${id}/a%0D%0Ax-evil:1`), "inline; filename*=UTF-8''a%0D%0Ax-evil%3A1")
})

// CVE-2021-41281
inWorld('what is no address is refused, and what is no file is not found', {}, async ({ url, ask, upload }) => {
  const id = await upload('x')
  const outcome = async (path: string) =>
    (await ask('GET', `/_matrix/client/v1/media/download/${path}`, { token: 'alice' })).outcome
  assert.equal(await outcome(`two.test/${id}`), '404 M_NOT_FOUND')
  assert.equal(await outcome('one.test/nothing'), '404 M_NOT_FOUND')
  assert.equal(await outcome(`one.test/${id.toUpperCase()}x`), '404 M_NOT_FOUND')
  for (const path of [
    'one.test/..%2f..%2flatchkey.db',
    'one.test/%2e%2e',
    '..%2f..%2fx/abc',
    'one.test/a.b',
    'one.test/a%00b',
    `one.test/${'a'.repeat(256)}`,
    '%2e%2e%2f/x',
    'one.test/ä',
  ]) {
    assert.match(await outcome(path), /^(400 M_INVALID_PARAM|404 M_(NOT_FOUND|UNRECOGNIZED))$/, path)
  }
  // fetch() tidies paths up; a socket does not.
  const raw = await new Promise<number | undefined>((resolve) => {
    const { port } = new URL(url)
    request(
      {
        port,
        path: '/_matrix/client/v1/media/download/one.test/../../../../etc/passwd',
        headers: { authorization: 'Bearer alice' },
      },
      (response) => {
        response.resume()
        resolve(response.statusCode)
      },
    ).end()
  })
  assert.equal(raw, 404)
})

// CVE-2024-37303
inEveryWorld(
  'the old endpoints give what came in while that was allowed, and nothing else',
  { media: { authenticated_only: false } },
  async ({ ask, upload, media }) => {
    const before = await upload('before', 'text/plain')
    Object.assign(media.context.config, { authenticated_only: true })
    const after = await upload('after', 'text/plain')
    const pending = mediaIdOf(await ask('POST', '/_matrix/media/v1/create', { token: 'alice' }))
    for (const version of ['v3', 'r0', 'v1']) {
      const answer = await ask('GET', `/_matrix/media/${version}/download/one.test/${before}`)
      assert.equal(answer.bytes.toString(), 'before')
      assert.equal(answer.headers.get('content-security-policy'), csp)
      assert.equal(answer.headers.get('cache-control'), 'public, max-age=86400, immutable')
      assert.equal(
        (
          await ask(
            'GET',
            `/_matrix/media/${version}/download/one.test/${before}/name.txt?allow_remote=false&allow_redirect=true`,
          )
        ).status,
        200,
      )
      for (const token of [undefined, 'alice']) {
        assert.equal(
          (await ask('GET', `/_matrix/media/${version}/download/one.test/${after}`, { token })).outcome,
          '404 M_NOT_FOUND',
        )
        assert.equal(
          (await ask('GET', `/_matrix/media/${version}/download/one.test/${pending}`, { token })).outcome,
          '404 M_NOT_FOUND',
        )
        assert.equal(
          (await ask('GET', `/_matrix/media/${version}/thumbnail/one.test/${after}?width=10&height=10`, { token }))
            .outcome,
          '404 M_NOT_FOUND',
        )
      }
    }
    assert.equal(
      (await ask('GET', `/_matrix/client/v1/media/download/one.test/${after}`)).outcome,
      '401 M_MISSING_TOKEN',
    )
  },
)

inWorld(
  'a stretch of a file can be had, and what is had already is not sent again',
  {},
  async ({ upload, download, ask }) => {
    const text = '0123456789'
    const id = await upload(text, 'video/mp4')
    const stretch = async (range: string, more: Record<string, string> = {}) => {
      const { status, headers, bytes } = await download(id, { range, ...more })
      return [status, headers.get('content-range'), bytes.toString()]
    }
    assert.deepEqual(await stretch('bytes=2-4'), [206, 'bytes 2-4/10', '234'])
    assert.deepEqual(await stretch('bytes=7-'), [206, 'bytes 7-9/10', '789'])
    assert.deepEqual(await stretch('bytes=-3'), [206, 'bytes 7-9/10', '789'])
    assert.deepEqual(await stretch('bytes=5-500'), [206, 'bytes 5-9/10', '56789'])
    for (const range of ['bytes=4-2', 'bytes=0-1,3-4', 'lines=1-2', 'bytes=', 'bytes=-', 'x'])
      assert.deepEqual(await stretch(range), [200, null, text], range)
    const beyond = await download(id, { range: 'bytes=10-' })
    assert.deepEqual([beyond.status, beyond.headers.get('content-range')], [416, 'bytes */10'])
    const whole = await download(id)
    assert.equal(whole.headers.get('accept-ranges'), 'bytes')
    const etag = whole.headers.get('etag') ?? ''
    assert.deepEqual(await stretch('bytes=2-4', { 'if-range': etag }), [206, 'bytes 2-4/10', '234'])
    assert.deepEqual(await stretch('bytes=2-4', { 'if-range': '"other"' }), [200, null, text])
    for (const tag of [etag, `W/${etag}`, `"x", ${etag}`, '*'])
      assert.deepEqual([(await download(id, { 'if-none-match': tag })).status], [304], tag)
    assert.equal((await download(id, { 'if-none-match': '"other"' })).status, 200)
    const head = await ask('HEAD', `/_matrix/client/v1/media/download/one.test/${id}`, { token: 'alice' })
    assert.deepEqual([head.status, head.headers.get('content-length'), head.bytes.length], [200, '10', 0])
  },
)

inWorld(
  'a file that the store has lost is a fault of ours, told to the operator',
  {},
  async ({ upload, download, files, directory, errors }) => {
    const id = await upload('x')
    const [name = ''] = await files()
    await rm(join(directory, name.slice(0, 2), name))
    assert.deepEqual(errors, [])
    await assert.rejects(download(id), /server error 500/)
    assert.equal(errors.length, 1)
  },
)

inWorld(
  'a large file streams: the server holds a small part of it',
  { media: { max_upload_size: '300M' } },
  async (world: World) => {
    const size = 200 * 1024 * 1024
    const chunk = new Uint8Array(1024 * 1024)
    let left = size
    const body = new ReadableStream({
      pull: (controller) => {
        left -= chunk.length
        controller.enqueue(chunk)
        if (left === 0) controller.close()
      },
    })
    const before = process.memoryUsage().rss
    let most = 0
    const watch = setInterval(() => {
      most = Math.max(most, process.memoryUsage().rss - before)
    }, 5)
    const id = mediaIdOf(await world.ask('POST', '/_matrix/media/v3/upload', { token: 'alice', body, duplex: 'half' }))
    const response = await clientFetch(`${world.url}/_matrix/client/v1/media/download/one.test/${id}`, {
      headers: { authorization: 'Bearer alice' },
    })
    let received = 0
    for await (const piece of response.body ?? []) received += (piece as Uint8Array).length
    clearInterval(watch)
    assert.equal(received, size)
    assert.ok(most < 150 * 1024 * 1024, `${most} bytes`)
  },
)

test('a range never leaves the file, and says what the header says', () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(), fc.nat(), (first, last, size) => {
      const range = parseRange(`bytes=${first}-${last}`, size)
      if (last < first) assert.equal(range, undefined)
      else if (first >= size) assert.equal(range, 'unsatisfiable')
      else assert.deepEqual(range, { start: first, end: Math.min(last, size - 1) })
    }),
  )
  fc.assert(
    fc.property(fc.string(), fc.nat(), (text, size) => {
      const range = parseRange(`bytes=${text}`, size)
      if (range === undefined || range === 'unsatisfiable') return
      assert.ok(range.start >= 0 && range.start <= range.end && range.end < size)
    }),
  )
  fc.assert(
    fc.property(fc.nat(), fc.nat(), (count, size) => {
      const range = parseRange(`bytes=-${count}`, size)
      assert.deepEqual(
        range,
        count === 0 || size === 0 ? 'unsatisfiable' : { start: Math.max(0, size - count), end: size - 1 },
      )
    }),
  )
  assert.equal(parseRange(`bytes=${'9'.repeat(400)}-`, 10), 'unsatisfiable')
  assert.deepEqual(parseRange(`bytes=-${'9'.repeat(400)}`, 10), { start: 0, end: 9 })
})

/** Reads a header as a browser does. */
function fileNameIn(header: string): string | undefined {
  const [, quoted] = /^(?:inline|attachment); filename="([^"\\]*)"$/.exec(header) ?? []
  const [, encoded] = /^(?:inline|attachment); filename\*=UTF-8''([A-Za-z0-9!#$&+.^_`|~%-]*)$/.exec(header) ?? []
  return encoded === undefined ? quoted : decodeURIComponent(encoded)
}

test('any file name goes through a Content-Disposition unharmed, in printable ASCII', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1 }), (name) => {
      const header = contentDisposition('attachment', name)
      assert.match(header, /^[ -~]+$/)
      assert.equal(fileNameIn(header), name.toWellFormed())
    }),
    { numRuns: 2000 },
  )
  for (const name of ['a"b', 'a\\', '%41.txt', 'a;b', "it's", 'a\r\nb', '\ud800', ' ', 'ä.png', '𝕏', '"; x=y']) {
    assert.equal(fileNameIn(contentDisposition('inline', name)), name.toWellFormed(), name)
  }
  assert.equal(contentDisposition('inline', null), 'inline')
  assert.equal(contentDisposition('inline', ''), 'inline')
})

test('any Content-Type becomes one that is fit for a header, and becomes nothing else when it is read again', () => {
  const pieces = fc.constantFrom(
    'text',
    'image',
    '/',
    'html',
    'PNG',
    ';',
    ' ',
    '=',
    '"',
    '\\',
    'charset',
    'utf-8',
    ',',
    '\n',
    'ä',
    '\0',
    'svg+xml',
  )
  const texts = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(pieces).map((parts) => parts.join('')),
  )
  fc.assert(
    fc.property(texts, (text) => {
      const type = normalType(text)
      assert.match(type, /^[!-~]+\/[!-~]+(; [ -~]+)*$/)
      assert.ok(type.length <= 255)
      assert.equal(normalType(type), type)
      if (isInline(type)) assert.doesNotMatch(type.split(';')[0] ?? '', /html|svg|xml|script/)
    }),
    { numRuns: 2000 },
  )
  assert.equal(normalType(undefined), 'application/octet-stream')
  assert.equal(normalType('text/plain;  Charset="a;b" ;x=y; broken'), 'text/plain; charset="a;b"; x=y')
  assert.equal(normalType(`text/plain${';a=b'.repeat(1000)}`).length <= 255, true)
})

test('no name but those that were made leads anywhere in the store', () => {
  const store = folderStore('/nowhere')
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (name) => {
      assert.throws(() => checkName(name))
    }),
  )
  for (const name of [
    '../../etc/passwd',
    `${'a'.repeat(64)}-../../../etc/pas`,
    `${'a'.repeat(64)}-${'0'.repeat(16)}\n`,
    `${'a'.repeat(64)}-${'0'.repeat(16)}/`,
  ]) {
    assert.throws(() => checkName(name))
    assert.throws(() => store.delete(name))
  }
  assert.match(objectName('a'.repeat(64), 'AAAAAAAAAAAAAAAAAAAAAAAAAAA'), /^a{64}-0{16}$/)
})

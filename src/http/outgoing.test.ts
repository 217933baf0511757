import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { createOutgoing, OutgoingError } from './index.ts'
import { inNetworks, isPublic } from './public-address.ts'

async function site(listener: RequestListener): Promise<AsyncDisposable & { origin: string; port: number }> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://127.0.0.1:${port}`,
    port,
    [Symbol.asyncDispose]: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

const failure =
  (code: string) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof OutgoingError, String(error))
    assert.equal(error.code, code)
    return true
  }

test('only public addresses are public', () => {
  const inside = [
    '0.0.0.0',
    '0.1.2.3',
    '10.0.0.1',
    '100.64.0.1',
    '127.0.0.1',
    '127.255.255.255',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.1',
    '192.0.2.1',
    '192.168.1.1',
    '198.18.0.1',
    '198.51.100.1',
    '203.0.113.1',
    '224.0.0.1',
    '239.1.1.1',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:8.8.8.8',
    '::127.0.0.1',
    '64:ff9b::7f00:1',
    '64:ff9b::808:808',
    '64:ff9b:1::1',
    '100::1',
    '2001::1',
    '2001:0:808::1',
    '2001:2::1',
    '2001:10::1',
    '2001:db8::1',
    '2002:7f00:1::',
    '2002:808:808::1',
    '3fff::1',
    'fc00::1',
    'fd12::1',
    'fe80::1',
    'fe80::1%lo',
    'fec0::1',
    'ff02::1',
    '5f00::1',
    '',
    'localhost',
    '1.2.3',
    '0x7f.1',
  ]
  for (const address of inside) assert.equal(isPublic(address), false, address)
  for (const address of [
    '8.8.8.8',
    '1.1.1.1',
    '172.32.0.1',
    '100.128.0.1',
    '2606:4700::1111',
    '2a01:4f8::1',
    '2001:4860:4860::8888',
  ])
    assert.equal(isPublic(address), true, address)
})

test('whatever IPv4 address hides inside an IPv6 one, it is refused', () => {
  fc.assert(
    fc.property(fc.ipV4(), (address) => {
      const hex = address
        .split('.')
        .map((part) => Number(part).toString(16).padStart(2, '0'))
        .join('')
        .replace(/^(.{4})/, '$1:')
      for (const spelling of [
        `::ffff:${address}`,
        `::ffff:${hex}`,
        `::${address}`,
        `64:ff9b::${hex}`,
        `2002:${hex}::1`,
      ])
        assert.equal(isPublic(spelling), false, spelling)
    }),
  )
})

test('a list of networks takes addresses and networks, and names what is neither', () => {
  const listed = inNetworks(['10.1.2.3', '192.168.0.0/16', 'fd00::/8'])
  assert.deepEqual(['10.1.2.3', '10.1.2.4', '192.168.9.9', 'fd12::1', 'fe80::1', 'x'].map(listed), [
    true,
    false,
    true,
    true,
    false,
    false,
  ])
  for (const wrong of ['example.org', '10.0.0.0/33', '10.0.0.0/x', 'fd00::/129', ''])
    assert.throws(() => inNetworks([wrong]), /neither an address nor a network/)
})

test('an address inside is refused however it is spelt, and so is what is no web address', async () => {
  await using fetchOut = createOutgoing()
  const hosts = [
    '127.0.0.1',
    '127.1',
    '0x7f.1',
    '0x7f000001',
    '2130706433',
    '017700000001',
    '0177.0.0.1',
    '0',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[64:ff9b::7f00:1]',
    '169.254.169.254',
    '10.0.0.1',
    '127.0.0.1.',
    '１２７.0.0.1',
    'localhost',
  ]
  for (const host of hosts) await assert.rejects(fetchOut(`http://${host}:9/`), failure('forbidden-address'), host)
  for (const url of [
    '',
    'nonsense',
    'file:///etc/passwd',
    'ftp://example.org/',
    'data:,x',
    'http://user:pass@example.org/',
    'http://1.2.3.4.5.256/',
  ]) {
    await assert.rejects(fetchOut(url), failure('bad-url'), url)
  }
})

test('a name that leads inside is refused, and the address that was checked is the one that is connected to', async () => {
  await using inside = await site((_request, response) => {
    response.end('inside')
  })
  let asked = 0
  await using fetchOut = createOutgoing({
    resolve: async () => {
      asked++
      return [{ address: '127.0.0.1', family: 4 }]
    },
  })
  await assert.rejects(fetchOut(`http://innocent.example:${inside.port}/`), failure('forbidden-address'))
  assert.equal(asked, 1)
  await using allowed = createOutgoing({
    allow: ['127.0.0.1'],
    resolve: async () => {
      asked++
      return [
        { address: '10.9.9.9', family: 4 },
        { address: '127.0.0.1', family: 4 },
      ]
    },
  })
  assert.equal((await allowed(`http://innocent.example:${inside.port}/`)).body.toString(), 'inside')
  assert.equal(asked, 2)
})

test('a redirect is checked like the first address, followed a few times, and takes no secrets elsewhere', async () => {
  let seen: IncomingMessage['headers'] = {}
  await using other = await site((request, response) => {
    seen = request.headers
    response.end('other')
  })
  await using first = await site((request, response) => {
    const hops: Record<string, string> = {
      '/.well-known/matrix/server': 'http://10.0.0.1/',
      '/inside': 'http://[::1]:9/',
      '/loop': '/loop',
      '/file': 'file:///etc/passwd',
      '/other': `http://localhost:${other.port}/`,
      '/twice': '/other',
    }
    response.writeHead(302, { location: hops[request.url ?? ''] ?? '/' }).end('moved')
  })
  const resolve = async () => [{ address: '127.0.0.1', family: 4 }]
  await using fetchOut = createOutgoing({ allow: ['127.0.0.1'], resolve })
  await assert.rejects(fetchOut(`${first.origin}/inside`), failure('forbidden-address'))
  const start = performance.now()
  await assert.rejects(fetchOut(`${first.origin}/.well-known/matrix/server`), failure('forbidden-address'))
  assert.ok(performance.now() - start < 1000, 'it was not tried')
  await assert.rejects(fetchOut(`${first.origin}/loop`), failure('too-many-redirects'))
  await assert.rejects(fetchOut(`${first.origin}/file`), failure('bad-url'))
  const reply = await fetchOut(`${first.origin}/twice`, {
    headers: { Authorization: 'Bearer secret', Accept: 'text/plain' },
  })
  assert.deepEqual([reply.body.toString(), reply.url], ['other', `http://localhost:${other.port}/`])
  assert.deepEqual([seen.authorization, seen.accept], [undefined, 'text/plain'])
  assert.equal((await fetchOut(`${first.origin}/other`, { method: 'POST', body: 'x' })).status, 302)
})

test('a configured origin may be inside, but it cannot send us elsewhere inside', async () => {
  await using other = await site((_request, response) => {
    response.end('other')
  })
  await using provider = await site((request, response) => {
    if (request.url === '/keys') response.end('keys')
    else response.writeHead(302, { location: request.url === '/away' ? other.origin : '/keys' }).end()
  })
  await using fetchOut = createOutgoing()
  assert.equal((await fetchOut(`${provider.origin}/keys`, { configured: true })).body.toString(), 'keys')
  assert.equal(
    (await fetchOut(`http://localhost:${provider.port}/moved`, { configured: true })).body.toString(),
    'keys',
  )
  await assert.rejects(fetchOut(`${provider.origin}/away`, { configured: true }), failure('forbidden-address'))
  await assert.rejects(fetchOut(`${provider.origin}/keys`), failure('forbidden-address'))
})

test('size is bounded as it comes and after decompression', async () => {
  const bomb = gzipSync(Buffer.alloc(10_000_000))
  await using big = await site((request, response) => {
    switch (request.url) {
      case '/bomb':
        response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb)
        break
      case '/endless': {
        const more = (): void => {
          while (response.write(Buffer.alloc(65_536))) {
            /* until the socket is full */
          }
        }
        response.on('drain', more)
        more()
        break
      }
      case '/twice':
        response.writeHead(200, { 'content-encoding': 'gzip, gzip' }).end(gzipSync(bomb))
        break
      case '/broken':
        response.writeHead(200, { 'content-encoding': 'gzip' }).end('not gzip')
        break
      default:
        response.end('x'.repeat(1000))
    }
  })
  await using fetchOut = createOutgoing({ allow: ['127.0.0.1'] })
  for (const path of ['/bomb', '/endless'])
    await assert.rejects(fetchOut(big.origin + path, { maxBytes: 100_000 }), failure('too-large'), path)
  for (const path of ['/twice', '/broken'])
    await assert.rejects(fetchOut(big.origin + path), failure('bad-encoding'), path)
  assert.equal((await fetchOut(big.origin, { maxBytes: 1000 })).body.length, 1000)
  await assert.rejects(fetchOut(big.origin, { maxBytes: 999 }), failure('too-large'))
})

test('the usual compressions are undone', async () => {
  const encodings = {
    gzip: gzipSync,
    br: brotliCompressSync,
    deflate: deflateSync,
    zstd: zstdCompressSync,
    GZIP: gzipSync,
  }
  for (const [name, compress] of Object.entries(encodings)) {
    await using packed = await site((_request, response) => {
      response.writeHead(200, { 'content-encoding': name }).end(compress('hello'))
    })
    await using fetchOut = createOutgoing({ allow: ['127.0.0.1'] })
    assert.equal((await fetchOut(packed.origin)).body.toString(), 'hello')
  }
})

test('time is bounded over all: a slow name, a slow answer, a slow body', async () => {
  await using slow = await site((request, response) => {
    if (request.url === '/silent') return
    const drip = setInterval(() => {
      response.write('x')
    }, 20)
    response.on('close', () => {
      clearInterval(drip)
    })
  })
  await using fetchOut = createOutgoing({ allow: ['127.0.0.1'] })
  for (const path of ['/silent', '/drip']) {
    const start = performance.now()
    await assert.rejects(fetchOut(slow.origin + path, { timeoutMs: 150 }), failure('timeout'), path)
    assert.ok(performance.now() - start < 1000)
  }
  const start = performance.now()
  {
    await using unresolved = createOutgoing({ resolve: () => new Promise(() => {}) })
    await assert.rejects(unresolved('http://slow.example/', { timeoutMs: 100 }), failure('timeout'))
  }
  assert.ok(performance.now() - start < 1000)
})

test('the caller may give up, and nobody at the other end is a failure of its own', async () => {
  await using silent = await site(() => {})
  await using fetchOut = createOutgoing({
    allow: ['127.0.0.1'],
    resolve: async (host) => {
      throw new Error(`no ${host}`)
    },
  })
  const giveUp = new AbortController()
  const asking = fetchOut(silent.origin, { signal: giveUp.signal })
  giveUp.abort(new Error('enough'))
  await assert.rejects(asking, /enough/)
  await assert.rejects(fetchOut('http://127.0.0.1:1/'), failure('unreachable'))
  await assert.rejects(fetchOut('http://nowhere.example/'), failure('unreachable'))
})

test('a body that may be cut is cut, also behind a compression', async () => {
  await using long = await site((request, response) => {
    if (request.url === '/gzip')
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('x'.repeat(1_000_000)))
    else response.end('x'.repeat(1_000_000))
  })
  await using fetchOut = createOutgoing({ allow: ['127.0.0.1'] })
  for (const path of ['/', '/gzip']) {
    assert.equal(
      (await fetchOut(long.origin + path, { maxBytes: 1000, truncate: true })).body.toString(),
      'x'.repeat(1000),
    )
    assert.equal((await fetchOut(long.origin + path, { maxBytes: 2_000_000, truncate: true })).body.length, 1_000_000)
  }
})

test('whoever asks may refuse an address at every hop', async () => {
  await using away = await site((_request, response) => {
    response.writeHead(302, { location: '/forbidden' }).end()
  })
  await using fetchOut = createOutgoing({ allow: ['127.0.0.1'] })
  const asked: string[] = []
  const permits = (url: URL): boolean => {
    asked.push(url.pathname)
    return url.pathname !== '/forbidden'
  }
  await assert.rejects(fetchOut(`${away.origin}/`, { permits }), failure('forbidden-address'))
  assert.deepEqual(asked, ['/', '/forbidden'])
})

test('large bodies stream both ways', async () => {
  await using echo = await site((request, response) => {
    response.writeHead(200, { 'x-length': request.headers['content-length'] ?? 'none' })
    request.pipe(response)
  })
  await using fetchOut = createOutgoing()
  const chunk = Buffer.alloc(65_536, 7)
  const reply = await fetchOut.stream(echo.origin, {
    method: 'PUT',
    configured: true,
    headers: { 'Content-Length': String(100 * chunk.length) },
    body: Readable.from(Array.from({ length: 100 }, () => chunk)),
  })
  assert.deepEqual([reply.status, reply.headers['x-length']], [200, String(100 * chunk.length)])
  let size = 0
  for await (const piece of reply.body as AsyncIterable<Buffer>) size += piece.length
  assert.equal(size, 100 * chunk.length)
  await assert.rejects(fetchOut.stream(echo.origin), failure('forbidden-address'))
  await assert.rejects(fetchOut.stream('http://127.0.0.1:1/', { configured: true }), failure('unreachable'))
  await assert.rejects(
    fetchOut.stream(echo.origin, { configured: true, signal: AbortSignal.abort(new Error('enough')) }),
    /enough/,
  )
})

test('a request that goes elsewhere than its address says takes no connection of one that does not, nor the other way', async () => {
  await using here = await site((_, response) => response.end('here'))
  await using there = await site((_, response) => response.end('there'))
  await using outgoing = createOutgoing({
    allow: ['127.0.0.0/8'],
    resolve: () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]),
  })
  const url = `http://name.test:${here.port}/`
  const via = { host: '127.0.0.1', port: there.port }
  const said: string[] = []
  for (const way of [undefined, via, undefined, via]) said.push(String((await outgoing(url, { via: way })).body))
  assert.deepEqual(said, ['here', 'there', 'here', 'there'])
})

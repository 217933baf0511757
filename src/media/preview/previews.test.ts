import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import sharp from 'sharp'
import { inEveryWorld, inWorld, type Answer, type World } from '../fixture.test.ts'
import { sweep } from '../sweep.ts'

interface Site extends AsyncDisposable {
  readonly origin: string
  readonly port: number
  readonly asked: string[]
}

/** A web site: pages by path, or a function that answers. */
async function site(pages: Record<string, string | Buffer | RequestListener>): Promise<Site> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    asked.push(path)
    const page = pages[path]
    if (typeof page === 'function') page(request, response)
    else if (page === undefined) response.writeHead(404).end('<title>Not here</title>')
    else
      response
        .writeHead(200, { 'content-type': typeof page === 'string' ? 'text/html; charset=utf-8' : 'image/png' })
        .end(page)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://127.0.0.1:${port}`,
    port,
    asked,
    [Symbol.asyncDispose]: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

const picture = (width = 60, height = 40): Promise<Buffer> =>
  sharp({ create: { width, height, channels: 3, background: 'red' } })
    .png()
    .toBuffer()
const preview = ({ ask }: World, url: string, token = 'alice'): Promise<Answer> =>
  ask('GET', `/_matrix/client/v1/media/preview_url?url=${encodeURIComponent(url)}&ts=1`, { token })
const day = 24 * 60 * 60 * 1000

inEveryWorld('a page is shown by its own words, with its picture kept here', {}, async (world) => {
  const bytes = await picture()
  await using web = await site({
    '/': '<meta property="og:title" content="Title"><meta property="og:image" content="/a.png"><meta property="og:image:alt" content="Red">',
    '/a.png': bytes,
  })
  const { json, outcome } = await preview(world, web.origin)
  assert.equal(outcome, '200')
  const { 'og:image': image, ...rest } = json
  assert.deepEqual(rest, {
    'og:title': 'Title',
    'og:image:type': 'image/png',
    'og:image:width': 60,
    'og:image:height': 40,
    'og:image:alt': 'Red',
    'matrix:image:size': bytes.length,
  })
  const id = String(image).replace('mxc://one.test/', '')
  const found = await world.download(id)
  assert.deepEqual([found.bytes, found.headers.get('content-type')], [bytes, 'image/png'])
  assert.equal((await world.ask('GET', `/_matrix/media/v3/download/one.test/${id}`)).outcome, '404 M_NOT_FOUND')
  assert.deepEqual(
    (await world.ask('GET', `/_matrix/media/v3/preview_url?url=${web.origin}`, { token: 'bob' })).json,
    json,
  )
  assert.deepEqual(web.asked, ['/', '/a.png'])
})

inEveryWorld(
  'a page is asked once for all, until the preview is too old; the picture outlives it for a while',
  { media: { url_previews: { keep: '1h' } } },
  async (world) => {
    const bytes = await picture()
    await using web = await site({
      '/': '<title>T</title><meta property="og:image" content="/a.png">',
      '/a.png': bytes,
    })
    const all = await Promise.all(Array.from({ length: 10 }, (_, index) => preview(world, `${web.origin}/#${index}`)))
    assert.equal(web.asked.length, 2)
    const image = all[0]?.json['og:image']
    for (const answer of all) assert.equal(answer.json['og:image'], image)
    world.clock.now += day / 24
    assert.notEqual((await preview(world, web.origin)).json['og:image'], image)
    assert.equal(web.asked.length, 4)
    await sweep(world.media.context)
    assert.equal((await world.download(String(image).slice('mxc://one.test/'.length))).status, 200)
    world.clock.now += 8 * day
    await sweep(world.media.context)
    assert.deepEqual(await world.files(), [])
    for (const table of ['media', 'media_files', 'media_garbage', 'url_previews'] as const) {
      assert.deepEqual(await world.database.read.selectFrom(table).selectAll().execute(), [], table)
    }
  },
)

inWorld('what a page leaves to oEmbed is asked there', {}, async (world) => {
  await using web = await site({
    '/': '<link rel="alternate" type="application/json+oembed" href="/oembed">',
    '/oembed': JSON.stringify({ type: 'video', title: 'Film', provider_name: 'Tube', thumbnail_url: '/t.png' }),
    '/t.png': await picture(),
    '/broken': '<title>Still</title><link rel="alternate" type="application/json+oembed" href="/nowhere">',
  })
  const { json } = await preview(world, web.origin)
  assert.deepEqual([json['og:title'], json['og:site_name'], json['og:image:width']], ['Film', 'Tube', 60])
  assert.deepEqual((await preview(world, `${web.origin}/broken`)).json, { 'og:title': 'Still' })
})

inWorld('a picture alone is its own preview; other files have none', {}, async (world) => {
  await using web = await site({
    '/a.png': await picture(),
    '/a.pdf': (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/pdf' }).end('%PDF')
    },
    '/plain': (_request, response) => {
      response.end('<title>No type</title>')
    },
  })
  assert.equal((await preview(world, `${web.origin}/a.png`)).json['og:image:height'], 40)
  assert.deepEqual((await preview(world, `${web.origin}/a.pdf`)).json, {})
  assert.deepEqual((await preview(world, `${web.origin}/plain`)).json, {})
})

inWorld(
  'what only says that it is a picture is not kept, and neither is one that would unpack to a huge one',
  { media: { max_image_pixels: 10_000 } },
  async (world) => {
    const page = (image: string): string => `<title>Page</title><meta property="og:image" content="${image}">`
    const large: RequestListener = (_request, response) => {
      response.writeHead(200, { 'content-type': 'image/png' }).end(Buffer.alloc(11 * 1024 * 1024))
    }
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>')
    await using web = await site({
      '/1': page('/svg'),
      '/svg': svg,
      '/2': page('/html'),
      '/html': Buffer.from('<script>alert(1)</script>'),
      '/3': page('/wide'),
      '/wide': await picture(1000, 100),
      '/4': page('/large'),
      '/large': large,
      '/5': page('/missing'),
      '/6': page('http://127.0.0.1:1/'),
      '/7': page('/loop'),
      '/loop': (_request, response) => {
        response.writeHead(302, { location: '/loop' }).end()
      },
    })
    for (let number = 1; number <= 7; number++)
      assert.deepEqual((await preview(world, `${web.origin}/${number}`)).json, { 'og:title': 'Page' }, String(number))
    assert.deepEqual(await world.files(), [])
    assert.deepEqual(world.errors, [])
  },
)

// CVE-2023-32683, CVE-2021-21273
inWorld(
  'an address inside is never asked: not for a page, a redirect, a picture, or an oEmbed description',
  {
    resolve: async (host) => [{ address: host === 'outside.test' ? '127.0.0.1' : '10.0.0.1', family: 4 }],
  },
  async (world) => {
    await using web = await site({
      '/redirect': (_request, response) => {
        response.writeHead(302, { location: 'http://[::1]:9/' }).end()
      },
      '/image': '<title>Image</title><meta property="og:image" content="http://inside.test/a.png">',
      '/ip': '<title>Image</title><meta property="og:image" content="http://169.254.169.254/latest/meta-data/">',
      '/oembed':
        '<title>Oembed</title><link rel="alternate" type="application/json+oembed" href="http://[::ffff:10.0.0.1]/">',
    })
    const outside = `http://outside.test:${web.port}`
    const start = performance.now()
    for (const url of [
      'http://inside.test/',
      'http://10.0.0.1/',
      'http://[::1]/',
      'http://0x7f000002/',
      'http://169.254.169.254/',
      `${outside}/redirect`,
    ]) {
      assert.equal((await preview(world, url)).outcome, '404 M_NOT_FOUND', url)
    }
    assert.deepEqual((await preview(world, `${outside}/image`)).json, { 'og:title': 'Image' })
    assert.deepEqual((await preview(world, `${outside}/ip`)).json, { 'og:title': 'Image' })
    assert.deepEqual((await preview(world, `${outside}/oembed`)).json, { 'og:title': 'Oembed' })
    assert.ok(performance.now() - start < 2000)
  },
)

inWorld(
  'sites that the operator denies are not asked, by whatever way they come',
  {
    media: { url_previews: { deny: ['denied.test', '*.denied.test'] } },
    resolve: async () => [{ address: '127.0.0.1', family: 4 }],
  },
  async (world) => {
    await using web = await site({})
    const { port } = web
    const ways: Record<string, string | RequestListener> = {
      '/redirect': (_request, response) => {
        response.writeHead(302, { location: `http://denied.test:${port}/secret` }).end()
      },
      '/image': `<title>Image</title><meta property="og:image" content="http://a.denied.test:${port}/secret">`,
      '/oembed': `<title>Oembed</title><link rel="alternate" type="application/json+oembed" href="http://denied.test.:${port}/secret">`,
    }
    await using open = await site(ways)
    for (const host of ['denied.test', 'DENIED.test', 'x.denied.test', 'denied.test.'])
      assert.equal((await preview(world, `http://${host}:${port}/`)).outcome, '403 M_FORBIDDEN', host)
    assert.equal((await preview(world, `http://open.test:${open.port}/redirect`)).outcome, '404 M_NOT_FOUND')
    assert.deepEqual((await preview(world, `http://open.test:${open.port}/image`)).json, { 'og:title': 'Image' })
    assert.deepEqual((await preview(world, `http://open.test:${open.port}/oembed`)).json, { 'og:title': 'Oembed' })
    assert.deepEqual(web.asked, [])
  },
)

inWorld(
  'with a list of allowed sites only those are asked',
  {
    media: { url_previews: { allow: ['*.allowed.test'] } },
    resolve: async () => [{ address: '127.0.0.1', family: 4 }],
  },
  async (world) => {
    await using web = await site({ '/': '<title>T</title>' })
    assert.deepEqual((await preview(world, `http://www.allowed.test:${web.port}/`)).json, { 'og:title': 'T' })
    for (const host of ['allowed.test', 'evil.test', 'xallowed.test', '127.0.0.1'])
      assert.equal((await preview(world, `http://${host}:${web.port}/`)).outcome, '403 M_FORBIDDEN', host)
  },
)

inWorld('what is no web address is refused, and what cannot be fetched is not found', {}, async (world) => {
  await using web = await site({
    '/500': (_request, response) => {
      response.writeHead(500).end()
    },
  })
  for (const url of [
    '',
    'nonsense',
    'ftp://example.org/',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'http://u:p@example.org/',
    `http://example.org/${'a'.repeat(3000)}`,
    'matrix:u/x:y',
  ]) {
    assert.equal((await preview(world, url)).outcome, '400 M_INVALID_PARAM', url)
  }
  for (const url of [`${web.origin}/404`, `${web.origin}/500`, 'http://127.0.0.1:1/'])
    assert.equal((await preview(world, url)).outcome, '404 M_NOT_FOUND', url)
  assert.equal(
    (await world.ask('GET', '/_matrix/client/v1/media/preview_url', { token: 'alice' })).outcome,
    '400 M_MISSING_PARAM',
  )
  assert.equal((await preview(world, web.origin, 'guest')).outcome, '403 M_GUEST_ACCESS_FORBIDDEN')
})

// CVE-2024-52791
inWorld('of a page without end the beginning is enough', {}, async (world) => {
  await using web = await site({
    '/': (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).write('<title>Endless</title>')
      const more = (): void => {
        while (response.write('<p>'.repeat(10_000))) {
          /* until the socket is full */
        }
      }
      response.on('drain', more)
      more()
    },
  })
  assert.equal((await preview(world, web.origin)).json['og:title'], 'Endless')
})

inWorld('previews can be off', { media: { url_previews: { enabled: false } } }, async (world) => {
  assert.equal((await preview(world, 'http://example.org/')).outcome, '403 M_FORBIDDEN')
})

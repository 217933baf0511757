import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { test } from 'node:test'
import { startNetwork } from './harness/federation.ts'
import type { Client } from './harness/client.ts'

const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==',
  'base64',
)

async function upload(client: Client, bytes: Buffer, type: string, name: string): Promise<string> {
  const answer = await fetch(`${client.base}/_matrix/media/v3/upload?filename=${encodeURIComponent(name)}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${client.token}`, 'content-type': type },
    body: new Uint8Array(bytes),
  })
  return ((await answer.json()) as { content_uri: string }).content_uri.slice('mxc://'.length)
}
const get = (client: Client, path: string, token = client.token): Promise<Response> =>
  fetch(`${client.base}${path}`, { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } })
const v1 = '/_matrix/client/v1/media'

test('a file of another server is fetched once, kept, made thumbnails of, and given to nobody who is not signed in', async () => {
  await using net = await startNetwork(['hs1.test', 'hs2.test'])
  const [alice, bob] = [await net.at('hs1.test').login('alice'), await net.at('hs2.test').login('bob')]
  const address = await upload(bob, png, 'image/png', 'Bild ä.png')
  const legacy = await get(alice, `/_matrix/media/v3/download/${address}`, undefined)
  assert.equal(legacy.status, 404, 'strangers have nothing fetched')
  const [one, two] = await Promise.all([
    get(alice, `${v1}/download/${address}`),
    get(alice, `${v1}/download/${address}`),
  ])
  assert.deepEqual([one.status, two.status], [200, 200])
  assert.ok(Buffer.from(await one.arrayBuffer()).equals(png))
  assert.equal(one.headers.get('content-type'), 'image/png')
  assert.match(one.headers.get('content-disposition') ?? '', /inline; filename\*=UTF-8''Bild%20%C3%A4.png/)
  assert.equal((await get(alice, `/_matrix/media/v3/download/${address}`, undefined)).status, 404)
  const small = await get(alice, `${v1}/thumbnail/${address}?width=32&height=32`)
  assert.equal(small.status, 200)
  await net.at('hs2.test').stop()
  assert.equal((await get(alice, `${v1}/download/${address}`)).status, 200, 'it is kept')
  assert.equal((await get(alice, `${v1}/download/hs2.test/unknown`)).status, 502)
  assert.equal((await get(alice, `${v1}/download/..%2F..%2Fetc/passwd`)).status, 400)
})

test('servers that know only the old way are asked so; what is too large, forged or elsewhere is dealt with', async () => {
  await using net = await startNetwork(['hs1.test'], {
    strangers: ['s.test'],
    config: { media: { max_upload_size: 1000 } },
  })
  const stranger = await net.stranger('s.test')
  const alice = await net.at('hs1.test').login('alice')
  const elsewhere = createServer((_request, response) => response.end('from elsewhere')).listen(0, '127.0.0.1')
  try {
    const multipart = (part: string) => ({
      headers: { 'content-type': 'multipart/mixed; boundary=b' },
      raw: Buffer.from(`--b\r\nContent-Type: application/json\r\n\r\n{}\r\n--b\r\n${part}\r\n--b--`),
    })
    stranger.answer(({ path }) => {
      const { port } = elsewhere.address() as { port: number }
      if (path.includes('/v1/media/download/large')) return multipart(`\r\n${'x'.repeat(2000)}`)
      if (path.includes('/v1/media/download/bare')) return { body: 'no multipart' }
      if (path.includes('/v1/media/download/there')) return multipart(`Location: http://127.0.0.1:${port}/f\r\n\r\n`)
      if (path.includes('/v1/media/download/html')) return multipart('Content-Type: text/html\r\n\r\n<script>')
      if (path.startsWith('/_matrix/media/v3/download/s.test/old'))
        return { headers: { 'content-type': 'text/plain' }, raw: Buffer.from('old') }
      return undefined
    })
    const status = async (id: string) => (await get(alice, `${v1}/download/s.test/${id}`)).status
    assert.equal(await status('large'), 502)
    assert.equal(await status('bare'), 502)
    assert.equal(await status('none'), 502)
    const old = await get(alice, `${v1}/download/s.test/old`)
    assert.deepEqual([old.status, await old.text()], [200, 'old'])
    const there = await get(alice, `${v1}/download/s.test/there`)
    assert.deepEqual([there.status, await there.text()], [200, 'from elsewhere'])
    const html = await get(alice, `${v1}/download/s.test/html`)
    assert.match(html.headers.get('content-disposition') ?? '', /^attachment/)
    const own = `/_matrix/federation/v1/media/download/unknown`
    assert.equal(await stranger.outcome(net.at('hs1.test'), 'GET', own), '404 M_NOT_FOUND')
  } finally {
    elsewhere.close()
  }
})

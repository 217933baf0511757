// Pictures that a provider names: fetched safely, looked at, kept once.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { type Body, sign, withWorld, type World, type WorldOptions } from '../../test/harness/login-world.ts'
import type { Picture } from './index.ts'

const secret = 'a'.repeat(32)
const now = Date.UTC(2030, 0, 1) / 1000
const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

type Mapping = { locked?: 'avatar'[]; refresh?: 'always' | 'first' }

interface Scene {
  world: World
  url: string
  asked: string[]
  saved: Picture[]
  arrive: (picture: unknown) => Promise<string>
  avatar: () => Promise<string | null | undefined>
  warnings: () => string
}

const scene = (
  name: string,
  mapping: Mapping,
  options: Pick<WorldOptions, 'allow'>,
  body: (scene: Scene) => Promise<void>,
): void => {
  test(name, async () => {
    const asked: string[] = []
    const server = createServer(({ url = '' }, response) => {
      asked.push(url)
      if (url.startsWith('/to/')) response.writeHead(302, { location: decodeURIComponent(url.slice(4)) }).end()
      else if (url === '/huge') response.writeHead(200).end(Buffer.concat([png, Buffer.alloc(6 * 1024 * 1024)]))
      else if (url === '/page') response.writeHead(200, { 'content-type': 'image/png' }).end('<svg onload="alert(1)">')
      else if (url === '/missing') response.writeHead(404).end(png)
      else response.writeHead(200, { 'content-type': 'text/html' }).end(png)
    })
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve)
    })
    const saved: Picture[] = []
    const people = {
      savePicture: (_: unknown, picture: Picture) => Promise.resolve(`mxc://one.test/p${saved.push(picture)}`),
      showPicture: () => Promise.reject(new Error('nobody asks')),
      enterRoom: () => Promise.resolve(undefined),
      leaveRoom: () => Promise.resolve(),
    }
    const input: WorldOptions = {
      ...options,
      people,
      jwt_config: { enabled: false },
      identity_providers: [
        {
          id: 'a',
          type: 'jwt',
          secret: [secret],
          issuer: 'https://a.example',
          audiences: ['chat'],
          mapping: { avatar: '{picture}', ...mapping },
        },
      ],
    }
    try {
      await withWorld('sqlite::memory:', input, async (world) => {
        const arrive = async (picture: unknown): Promise<string> => {
          const token = sign(
            { iss: 'https://a.example', aud: 'chat', iat: now, exp: now + 300, sub: 'sam', picture },
            undefined,
            secret,
          )
          const session = await world.post('/login', { type: 'org.matrix.login.jwt', token })
          await world.identities.settled()
          return String(session['access_token'])
        }
        const avatar = async (): Promise<string | null | undefined> =>
          (await world.users.findByLocalpart('sam'))?.avatarUrl
        const warnings = (): string =>
          world.said
            .filter(({ level }) => level === 'warn')
            .map(({ details }) => String((details as { err?: unknown }).err))
            .join('\n')
        await body({
          world,
          url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
          asked,
          saved,
          arrive,
          avatar,
          warnings,
        })
      })
    } finally {
      server.closeAllConnections()
      server.close()
    }
  })
}

scene(
  'a picture is fetched once for each address, and its type is what its bytes say',
  { refresh: 'always' },
  { allow: ['127.0.0.1'] },
  async ({ url, asked, saved, arrive, avatar }) => {
    for (let i = 0; i < 3; i++) await arrive(`${url}/one`)
    assert.deepEqual(
      [asked, saved.length, saved[0]?.type, await avatar()],
      [['/one'], 1, 'image/png', 'mxc://one.test/p1'],
    )
    await arrive(`${url}/two`)
    assert.deepEqual([asked.length, await avatar()], [2, 'mxc://one.test/p2'])
    await arrive('mxc://one.test/uploaded')
    assert.deepEqual([asked.length, await avatar()], [2, 'mxc://one.test/uploaded'])
  },
)

scene(
  'what is no picture, too large or not there is not kept, and the sign-in goes on',
  { refresh: 'always' },
  { allow: ['127.0.0.1'] },
  async ({ url, saved, arrive, avatar, warnings }) => {
    for (const picture of [
      `${url}/page`,
      `${url}/huge`,
      `${url}/missing`,
      'ftp://x.example/p.png',
      'file:///etc/passwd',
      'javascript:alert(1)',
      'x',
      '',
      7,
      ['x'],
      { a: 1 },
      'mxc://',
      `${url}/to/file:%2f%2f%2fetc`,
    ]) {
      await arrive(picture)
    }
    assert.deepEqual([saved.length, await avatar()], [0, null])
    for (const reason of [/none/, /larger than/, /404/, /neither https/]) assert.match(warnings(), reason)
  },
)

scene(
  'addresses that are not public are not asked, nor followed to',
  { refresh: 'always' },
  {},
  async ({ url, asked, saved, arrive, avatar, warnings }) => {
    for (const picture of [
      `${url}/one`,
      'http://169.254.169.254/latest/meta-data',
      'http://[::1]/x',
      'http://[::ffff:10.0.0.1]/x',
      'http://0x7f.1/x',
      'http://localhost/x',
      'http://10.0.0.1/x',
    ])
      await arrive(picture)
    assert.deepEqual([asked, saved.length, await avatar()], [[], 0, null])
    assert.match(warnings(), /not a public address/)
  },
)

scene(
  'a picture leads nowhere but to public addresses',
  { refresh: 'always' },
  { allow: ['127.0.0.1'] },
  async ({ url, asked, saved, arrive }) => {
    await arrive(`${url}/to/${encodeURIComponent('http://192.168.0.1/x')}`)
    await arrive(`${url}/to/${encodeURIComponent(`${url}/one`)}`)
    assert.deepEqual([asked.length, saved.length], [3, 1])
  },
)

scene(
  "at first only, or locked: the picture is the user's own or the provider's",
  {},
  { allow: ['127.0.0.1'] },
  async ({ world, url, arrive, avatar }) => {
    const access = await arrive(`${url}/one`)
    const put = async (): Promise<Body> =>
      (await world.ask('PUT', '/profile/@sam:one.test/avatar_url', { avatar_url: 'mxc://one.test/own' }, access)).body
    assert.deepEqual(await put(), {})
    await arrive(`${url}/two`)
    assert.equal(await avatar(), 'mxc://one.test/own')
  },
)

scene(
  'a locked picture cannot be changed here',
  { locked: ['avatar'] },
  { allow: ['127.0.0.1'] },
  async ({ world, url, arrive, avatar }) => {
    const access = await arrive(`${url}/one`)
    for (const method of ['PUT', 'DELETE'] as const) {
      const answer = await world.ask(
        method,
        '/profile/@sam:one.test/avatar_url',
        { avatar_url: 'mxc://one.test/own' },
        access,
      )
      assert.deepEqual([answer.status, answer.body['errcode']], [403, 'M_FORBIDDEN'])
    }
    assert.equal(
      (await world.ask('PUT', '/profile/@sam:one.test/displayname', { displayname: 'Mine' }, access)).status,
      200,
    )
    await arrive(`${url}/two`)
    assert.equal(await avatar(), 'mxc://one.test/p2')
  },
)

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { Type } from 'typebox'
import { MatrixError } from '../matrix/errors.ts'
import { serve } from './fixture.test.ts'
import { RawJson, Reply, route, type Auth } from './index.ts'

const base = {
  id: 'x',
  method: 'GET',
  path: '/_matrix/client/v3/x',
  auth: 'none',
  reply: Type.Record(Type.String(), Type.Unknown()),
} as const
const url = '/_matrix/client/v3/x'
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

test('a route answers with JSON and open CORS, on v3 and r0 and its further spellings', async () => {
  await using s = serve([route({ ...base, paths: ['/_matrix/client/unstable/org.x/x'], handle: () => ({ a: 1 }) })])
  for (const path of [url, '/_matrix/client/r0/x', '/_matrix/client/unstable/org.x/x']) {
    const answer = await s.http.inject(path)
    assert.equal(answer.statusCode, 200)
    assert.equal(answer.body, '{"a":1}')
    assert.equal(answer.headers['content-type'], 'application/json')
    assert.equal(answer.headers['access-control-allow-origin'], '*')
    assert.equal(
      answer.headers['access-control-allow-headers'],
      'X-Requested-With, Content-Type, Authorization, If-Match, If-None-Match',
    )
    assert.match(String(answer.headers['access-control-allow-methods']), /GET.*PUT.*DELETE/)
    assert.equal(answer.headers['x-content-type-options'], 'nosniff')
    assert.equal(answer.headers['x-powered-by'], undefined)
  }
})

test('an unknown path is 404, another method 405 with Allow, a preflight 204 everywhere', async () => {
  await using s = serve([
    route({ ...base, handle: () => ({}) }),
    route({ ...base, id: 'y', method: 'PUT', path: '/a/:b', handle: () => ({}) }),
  ])
  const unknown = await s.http.inject('/_matrix/client/v3/nothing')
  assert.equal(unknown.statusCode, 404)
  assert.equal(unknown.json().errcode, 'M_UNRECOGNIZED')
  assert.equal(unknown.headers['access-control-allow-origin'], '*')
  const other = await s.http.inject({ method: 'DELETE', url })
  assert.equal(other.statusCode, 405)
  assert.equal(other.json().errcode, 'M_UNRECOGNIZED')
  assert.equal(other.headers.allow, 'GET, HEAD, OPTIONS')
  assert.equal((await s.http.inject({ method: 'POST', url: '/a/b?c', payload: '{}' })).headers.allow, 'PUT, OPTIONS')
  for (const path of [url, '/nothing', '/a/%zz']) {
    const preflight = await s.http.inject({ method: 'OPTIONS', url: path })
    assert.equal(preflight.statusCode, 204)
    assert.equal(preflight.headers['access-control-allow-origin'], '*')
    assert.equal(preflight.body, '')
  }
})

test('HEAD is GET without the body', async () => {
  await using s = serve([route({ ...base, handle: () => ({ a: 1 }) })])
  const answer = await s.http.inject({ method: 'HEAD', url })
  assert.equal(answer.statusCode, 200)
  assert.equal(answer.body, '')
  assert.equal(answer.headers['content-length'], '7')
})

test('who may use a route: every auth with every caller', async () => {
  const auths: Auth[] = ['none', 'server', 'optional', 'user', 'guest', 'locked']
  const routes = auths.map((auth) =>
    route({ ...base, path: `/${auth}`, auth, handle: ({ session }) => ({ user: session?.user ?? null }) }),
  )
  await using s = serve(routes)
  const outcome = async (auth: Auth, headers: Record<string, string>): Promise<string> => {
    const answer = await s.http.inject({ url: `/${auth}`, headers })
    return answer.statusCode === 200 ? `user ${answer.json().user}` : `${answer.statusCode} ${answer.json().errcode}`
  }
  const table: Record<Auth, string[]> = {
    none: ['user null', 'user null', 'user null', 'user null', 'user null', 'user null'],
    server: Array.from({ length: 6 }, () => '404 M_UNRECOGNIZED'),
    optional: ['user null', '401 M_MISSING_TOKEN', '401 M_UNKNOWN_TOKEN', 'user 1', 'user 2', '401 M_USER_LOCKED'],
    user: [
      '401 M_MISSING_TOKEN',
      '401 M_MISSING_TOKEN',
      '401 M_UNKNOWN_TOKEN',
      'user 1',
      '403 M_GUEST_ACCESS_FORBIDDEN',
      '401 M_USER_LOCKED',
    ],
    guest: [
      '401 M_MISSING_TOKEN',
      '401 M_MISSING_TOKEN',
      '401 M_UNKNOWN_TOKEN',
      'user 1',
      'user 2',
      '401 M_USER_LOCKED',
    ],
    locked: ['401 M_MISSING_TOKEN', '401 M_MISSING_TOKEN', '401 M_UNKNOWN_TOKEN', 'user 1', 'user 2', 'user 3'],
  }
  const callers = [
    {},
    { authorization: 'Basic YTpi' },
    bearer('nobody'),
    bearer('alice'),
    bearer('guest'),
    bearer('locked'),
  ]
  for (const auth of auths) {
    assert.deepEqual(await Promise.all(callers.map((headers) => outcome(auth, headers))), table[auth], auth)
  }
})

test('an Authorization header that makes no sense is a missing token, however it is misspelt', async () => {
  await using s = serve([route({ ...base, auth: 'user', handle: () => ({}) })])
  for (const authorization of [
    '',
    'Bearer',
    'Bearer ',
    'Beareralice',
    'alice',
    'Bearer al ice',
    'Bearer alice, Bearer bob',
    'Token alice',
  ]) {
    const answer = await s.http.inject({ url, headers: { authorization } })
    assert.equal(answer.statusCode, 401, authorization)
    assert.equal(answer.json().errcode, 'M_MISSING_TOKEN', authorization)
  }
  assert.equal((await s.http.inject({ url, headers: { authorization: 'bearer  alice' } })).statusCode, 200)
})

test('a token in the query counts only where the setting says so', async () => {
  const routes = [route({ ...base, auth: 'user', handle: () => ({}) })]
  await using off = serve(routes)
  assert.equal((await off.http.inject(`${url}?access_token=alice`)).json().errcode, 'M_MISSING_TOKEN')
  await using on = serve(routes, { queryAccessToken: true })
  assert.equal((await on.http.inject(`${url}?access_token=alice`)).statusCode, 200)
  assert.equal((await on.http.inject(`${url}?access_token=alice&access_token=alice`)).statusCode, 401)
  assert.doesNotMatch(JSON.stringify(on.logged), /alice&|access_token/)
})

test('bodies: whatever the Content-Type, absent counts as {}, and each fault has its code', async () => {
  const body = Type.Object({ n: Type.Optional(Type.Integer()), deep: Type.Optional(Type.Object({ s: Type.String() })) })
  await using s = serve([
    route({ ...base, method: 'POST', body, bodyLimit: 1000, handle: ({ body }) => ({ ...body }) }),
    route({ ...base, method: 'PUT', body: Type.Object({ must: Type.String() }), handle: () => ({}) }),
  ])
  for (const contentType of [
    undefined,
    'application/json',
    'text/plain',
    'application/x-www-form-urlencoded',
    'nonsense',
    ';;',
    'multipart/form-data',
  ]) {
    const headers: Record<string, string> = contentType === undefined ? {} : { 'content-type': contentType }
    const answer = await s.http.inject({ method: 'POST', url, payload: '{"n":1}', headers })
    assert.deepEqual(answer.json(), { n: 1 }, contentType ?? 'none')
  }
  assert.equal((await s.http.inject({ method: 'POST', url })).statusCode, 200)
  assert.equal(
    (await s.http.inject({ method: 'POST', url, payload: '', headers: { 'content-type': 'application/json' } }))
      .statusCode,
    200,
  )
  const post = async (payload: string | Buffer) => (await s.http.inject({ method: 'POST', url, payload })).json()
  assert.equal((await post('{"n":1')).errcode, 'M_NOT_JSON')
  assert.equal((await post(Buffer.from('{"n":"\xff"}', 'latin1'))).errcode, 'M_NOT_JSON')
  assert.deepEqual(await post('[]'), { errcode: 'M_BAD_JSON', error: 'The body must be an object' })
  assert.deepEqual(await post('{"n":1.5}'), { errcode: 'M_BAD_JSON', error: '"n" must be an integer' })
  assert.deepEqual(await post('{"deep":{"s":1}}'), { errcode: 'M_BAD_JSON', error: '"deep.s" must be a string' })
  assert.deepEqual(await post('{"deep":{}}'), { errcode: 'M_BAD_JSON', error: '"deep.s" is missing' })
  assert.equal((await post('{"__proto__":{}}')).errcode, 'M_BAD_JSON')
  assert.equal((await post(`{"x":"${'x'.repeat(1000)}"}`)).errcode, 'M_TOO_LARGE')
  const missing = await s.http.inject({ method: 'PUT', url })
  assert.equal(missing.statusCode, 400)
  assert.deepEqual(missing.json(), { errcode: 'M_MISSING_PARAM', error: '"must" is missing' })
})

test('the caller is known before the body is looked at', async () => {
  await using s = serve([route({ ...base, method: 'POST', auth: 'user', body: Type.Object({}), handle: () => ({}) })])
  assert.equal((await s.http.inject({ method: 'POST', url, payload: '{' })).json().errcode, 'M_MISSING_TOKEN')
})

test('query parameters become what the schema asks for', async () => {
  const query = Type.Object({
    n: Type.Optional(Type.Integer({ minimum: 0 })),
    flag: Type.Optional(Type.Boolean()),
    list: Type.Optional(Type.Array(Type.String())),
    dir: Type.Union([Type.Literal('b'), Type.Literal('f')]),
  })
  await using s = serve([route({ ...base, query, handle: ({ query }) => ({ ...query }) })])
  const get = async (search: string) => (await s.http.inject(`${url}?${search}`)).json()
  assert.deepEqual(await get('dir=b&n=12&flag=true&list=a%26b+c&other=1'), {
    dir: 'b',
    n: 12,
    flag: true,
    list: ['a&b c'],
  })
  assert.deepEqual(await get('dir=f&list=a&list=b'), { dir: 'f', list: ['a', 'b'] })
  assert.deepEqual(await get(''), { errcode: 'M_MISSING_PARAM', error: '"dir" is missing' })
  assert.deepEqual(await get('dir=x'), { errcode: 'M_INVALID_PARAM', error: '"dir" must be "b" or "f"' })
  for (const search of [
    'dir=b&n=x',
    'dir=b&n=',
    'dir=b&n=-1',
    'dir=b&n=1.5',
    'dir=b&n=0x10',
    'dir=b&flag=maybe',
    'dir=b&dir=f',
    'dir=b&n=%zz',
    'dir=b&x=%ff',
  ]) {
    assert.equal((await get(search)).errcode, 'M_INVALID_PARAM', search)
  }
})

test('replies: raw JSON, nothing, a redirect, a page, a stream, further headers', async () => {
  await using s = serve([
    route({ ...base, path: '/raw', handle: () => new RawJson('{"b":2}') }),
    route({ ...base, path: '/nothing', reply: Type.Object({}), handle: async () => {} }),
    route({
      ...base,
      path: '/redirect',
      handle: () => new Reply({ status: 302, headers: { Location: 'https://example.org/' } }),
    }),
    route({
      ...base,
      path: '/page',
      handle: () => new Reply({ headers: { 'content-type': 'text/html; charset=utf-8' }, body: '<p>ü</p>' }),
    }),
    route({
      ...base,
      path: '/stream',
      handle: () => new Reply({ body: () => Readable.from([Buffer.from('a'), Buffer.from('b')]) }),
    }),
    route({
      ...base,
      path: '/headers',
      handle: ({ setHeader }) => {
        setHeader('cache-control', 'public')
        return {}
      },
    }),
  ])
  assert.equal((await s.http.inject('/raw')).body, '{"b":2}')
  assert.equal((await s.http.inject('/nothing')).body, '{}')
  const redirect = await s.http.inject('/redirect')
  assert.deepEqual([redirect.statusCode, redirect.headers.location], [302, 'https://example.org/'])
  const page = await s.http.inject('/page')
  assert.deepEqual(
    [page.body, page.headers['content-length'], page.headers['content-type']],
    ['<p>ü</p>', '9', 'text/html; charset=utf-8'],
  )
  assert.match(String(page.headers['content-security-policy']), /default-src 'none'/)
  assert.equal((await s.http.inject('/stream')).body, 'ab')
  assert.equal((await s.http.inject('/headers')).headers['cache-control'], 'public')
})

test('a raw body comes as bytes, up to its limit', async () => {
  await using s = serve([
    route({
      ...base,
      method: 'POST',
      rawBody: true,
      bodyLimit: 10,
      handle: async ({ body }) => {
        let size = 0
        for await (const chunk of body) size += chunk.byteLength
        return { size }
      },
    }),
  ])
  const post = async (payload: string) =>
    (await s.http.inject({ method: 'POST', url, payload, headers: { 'content-type': 'image/png' } })).json()
  assert.deepEqual(await post('{not json'), { size: 9 })
  assert.equal((await post('x'.repeat(11))).errcode, 'M_TOO_LARGE')
})

test('the unexpected is 500 with a trace, and its cause is in the log only', async () => {
  await using s = serve([
    route({
      ...base,
      path: '/throws',
      handle: () => {
        throw new Error('secret')
      },
    }),
    route({
      ...base,
      path: '/rejects',
      handle: async ({ setHeader }) => {
        setHeader('cache-control', 'public')
        throw new Error('secret')
      },
    }),
    route({
      ...base,
      path: '/header',
      handle: ({ setHeader }) => {
        setHeader('x', 'a\r\nb')
        return {}
      },
    }),
    route({
      ...base,
      path: '/cycle',
      handle: () => {
        const a: Record<string, unknown> = {}
        a['a'] = a
        return a
      },
    }),
  ])
  for (const path of ['/throws', '/rejects', '/header', '/cycle']) {
    const answer = await s.http.inject(path)
    assert.equal(answer.statusCode, 500)
    assert.equal(answer.json().errcode, 'M_UNKNOWN')
    assert.equal(answer.json().trace, 'abcdefghijklmnop')
    assert.equal(answer.headers['cache-control'], 'no-store')
    assert.doesNotMatch(answer.body, /secret|cycl/)
  }
  const errors = s.logged.filter((line) => line.level === 'error')
  assert.equal(errors.length, 4)
  assert.equal(errors[0]?.details['trace'], 'abcdefghijklmnop')
})

test('a refusal keeps its status and further keys; a limit has Retry-After, rounded up', async () => {
  await using s = serve([
    route({
      ...base,
      path: '/a',
      handle: () => {
        throw new MatrixError('M_UNKNOWN_TOKEN', 'gone', { extra: { soft_logout: true } })
      },
    }),
    route({
      ...base,
      path: '/b',
      handle: () => {
        throw new MatrixError('M_LIMIT_EXCEEDED', 'slow', { retryAfterMs: 1100 })
      },
    }),
  ])
  assert.deepEqual((await s.http.inject('/a')).json(), { soft_logout: true, errcode: 'M_UNKNOWN_TOKEN', error: 'gone' })
  const limited = await s.http.inject('/b')
  assert.equal(limited.statusCode, 429)
  assert.equal(limited.headers['retry-after'], '2')
  assert.equal(limited.json().retry_after_ms, 1100)
})

test('limits count per user, else per address, on every spelling of a route together', async () => {
  let now = 1_000_000
  await using s = serve(
    [
      route({ ...base, auth: 'optional', limit: 'heavy', handle: () => ({}) }),
      route({ ...base, id: 'y', path: '/_matrix/client/v3/y/:z', limit: 'heavy', handle: () => ({}) }),
    ],
    { rateLimits: { heavy: { perSecond: 1, burst: 2 } }, now: () => now },
  )
  const get = async (path: string, token?: string, remoteAddress = '1.2.3.4') =>
    (await s.http.inject({ url: path, remoteAddress, headers: token === undefined ? {} : bearer(token) })).statusCode
  assert.deepEqual(
    [await get(url), await get('/_matrix/client/r0/x'), await get('/_matrix/client/v3/y/1')],
    [200, 200, 429],
  )
  assert.equal(await get(url, 'alice'), 200)
  assert.equal(await get(url, undefined, '1.2.3.5'), 200)
  assert.deepEqual([await get(url, undefined, '2001:db8::1'), await get(url, undefined, '2001:db8::2')], [200, 200])
  assert.equal(await get(url, undefined, '2001:db8:0:0:ffff::3'), 429)
  now += 1000
  assert.deepEqual([await get(url), await get(url)], [200, 429])
})

test('X-Forwarded-For is believed only from a trusted proxy', async () => {
  const routes = [route({ ...base, handle: ({ ip }) => ({ ip }) })]
  const ask = { url, remoteAddress: '10.1.2.3', headers: { 'x-forwarded-for': '9.9.9.9, 8.8.8.8' } }
  await using none = serve(routes)
  assert.equal((await none.http.inject(ask)).json().ip, '10.1.2.3')
  await using some = serve(routes, { trustedProxies: ['10.0.0.0/8'] })
  assert.equal((await some.http.inject(ask)).json().ip, '8.8.8.8')
  assert.equal((await some.http.inject({ ...ask, remoteAddress: '::ffff:10.1.2.3' })).json().ip, '8.8.8.8')
  assert.equal((await some.http.inject({ ...ask, remoteAddress: '11.1.2.3' })).json().ip, '11.1.2.3')
  assert.equal((await some.http.inject({ ...ask, remoteAddress: '::ffff:11.1.2.3' })).json().ip, '11.1.2.3')
})

test('a long poll ends when its client goes away', async () => {
  let aborted: () => void = () => {}
  const ended = new Promise<void>((resolve) => {
    aborted = resolve
  })
  await using s = serve([
    route({
      ...base,
      handle: async ({ signal }) => {
        await once(signal, 'abort')
        aborted()
        return {}
      },
    }),
  ])
  const [origin = ''] = await s.http.listen(['127.0.0.1:0'])
  const asking = httpRequest(origin + url)
    .on('error', () => {})
    .end()
  await new Promise((resolve) => {
    setTimeout(resolve, 50)
  })
  asking.destroy()
  await ended
})

test('closing answers long polls at once, keeps no connection, and does not take a second', async () => {
  const s = serve([
    route({
      ...base,
      path: '/returns',
      handle: async ({ signal }) => {
        await once(signal, 'abort')
        return { early: true }
      },
    }),
    route({
      ...base,
      path: '/throws',
      handle: async ({ signal }) => {
        await once(signal, 'abort')
        signal.throwIfAborted()
        return {}
      },
    }),
  ])
  const [origin = ''] = await s.http.listen(['127.0.0.1:0', '127.0.0.1:0'])
  const get = async (path: string) => {
    const [answer] = await once(httpRequest(origin + path, { headers: { connection: 'keep-alive' } }).end(), 'response')
    return { status: answer.statusCode, connection: answer.headers.connection, body: JSON.parse(await text(answer)) }
  }
  const answers = Promise.all([get('/returns'), get('/throws')])
  await new Promise((resolve) => {
    setTimeout(resolve, 50)
  })
  const start = performance.now()
  await s.http.close()
  assert.ok(performance.now() - start < 400)
  const [returned, thrown] = await answers
  assert.deepEqual(returned, { status: 200, connection: 'close', body: { early: true } })
  assert.deepEqual([thrown.status, thrown.body.errcode, thrown.connection], [503, 'M_UNKNOWN', 'close'])
  assert.deepEqual(
    s.logged.filter((line) => line.level === 'error'),
    [],
  )
})

test('what is not HTTP is refused in JSON', async () => {
  await using s = serve([route({ ...base, handle: () => ({}) })])
  const [origin = ''] = await s.http.listen(['127.0.0.1:0'])
  const send = async (bytes: string): Promise<string> => {
    const socket = connect(Number(new URL(origin).port), '127.0.0.1')
    socket.end(bytes)
    return text(socket)
  }
  assert.match(await send('nonsense\r\n\r\n'), /^HTTP\/1.1 400 [\s\S]*"errcode":"M_UNKNOWN"/)
  assert.match(
    await send(`GET /${'x'.repeat(20_000)} HTTP/1.1\r\n\r\n`),
    /^HTTP\/1.1 431 [\s\S]*"errcode":"M_TOO_LARGE"/,
  )
  assert.match(await send(`GET ${url} HTTP/1.1\r\nExpect: miracles\r\nconnection: close\r\n\r\n`), /^HTTP\/1.1 200 /)
})

test('a body that is too large is refused in a way that the client gets to read', async () => {
  await using s = serve([route({ ...base, method: 'POST', body: Type.Object({}), handle: () => ({}) })])
  const [origin = ''] = await s.http.listen(['127.0.0.1:0'])
  const big = Buffer.alloc(8 * 1024 * 1024, 0x20)
  for (const headers of [{ 'content-length': big.length }, { 'transfer-encoding': 'chunked' }]) {
    const asking = httpRequest(origin + url, { method: 'POST', headers })
    asking.end(big)
    const [answer] = await once(asking, 'response')
    assert.equal(answer.statusCode, 413)
    assert.equal(JSON.parse(await text(answer)).errcode, 'M_TOO_LARGE')
  }
})

test('an address to listen on that makes no sense is refused with the way to write it', async () => {
  await using s = serve([])
  await assert.rejects(s.http.listen(['8008']), /write host:port/)
})

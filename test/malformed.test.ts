// Ten thousand requests that no good client would make: each is refused or done, and none is the server's own failure.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { buildRequest, Connection, parseOrigin } from '../bench/wire.ts'
import { endpoints } from './harness/endpoints.ts'
import { startServer } from './harness/server.ts'
import { assertSpec } from './harness/spec.ts'

const requests = 10_000
/** Longest wait for one answer; a request that may wait, and does, has not failed. */
const patience = 2000

/** Texts that have broken servers before. */
const nasty = [
  '',
  ' ',
  '.',
  '..',
  '/',
  '%',
  '%00',
  '%2F',
  '%zz',
  '%FF',
  '%C0%AF',
  '\u0000',
  '\u202e',
  '\ud800',
  '💥',
  'null',
  'true',
  '-1',
  '0',
  '1.5',
  '1e999',
  'NaN',
  '99999999999999999999',
  '__proto__',
  'constructor',
  'toString',
  '@',
  '!',
  '#',
  '$',
  ':',
  '@:test',
  '!:',
  '@a:b:c',
  "'; drop table users; --",
  '[object Object]',
  '@alice:test',
  '@bob:test',
  '#alias:test',
  'a'.repeat(256),
  'a'.repeat(5000),
  'm.room.message',
  'm.room.member',
  'm.room.create',
  'm.room.power_levels',
]

const text = (known: string[]): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...known) },
    { weight: 3, arbitrary: fc.constantFrom(...nasty) },
    fc.string({ unit: 'binary', maxLength: 20 }),
  )

/** Names that mean something somewhere, so that wrong values reach the code behind the first check. */
const keys = [
  'type',
  'token',
  'identifier',
  'user',
  'user_id',
  'password',
  'device_id',
  'refresh_token',
  'auth',
  'session',
  'username',
  'kind',
  'room_id',
  'room_version',
  'creation_content',
  'initial_state',
  'state_key',
  'content',
  'invite',
  'preset',
  'visibility',
  'name',
  'topic',
  'room_alias_name',
  'power_level_content_override',
  'users',
  'events',
  'ban',
  'membership',
  'join_rule',
  'allow',
  'predecessor',
  'reason',
  'msgtype',
  'body',
  'm.relates_to',
  'rel_type',
  'event_id',
  'key',
  'm.new_content',
  'm.in_reply_to',
  'm.mentions',
  'room',
  'timeline',
  'limit',
  'types',
  'not_types',
  'senders',
  'event_fields',
  'typing',
  'timeout',
  'm.fully_read',
  'm.read',
  'presence',
  'status_msg',
  'displayname',
  'avatar_url',
  'new_version',
  'search_term',
  'filter',
  'since',
  'order',
  'tags',
  'thread_id',
  'devices',
  'one_time_keys',
  'device_keys',
  'messages',
  'actions',
  'conditions',
  'pattern',
  'search_categories',
  '__proto__',
  '',
]

const value = (known: string[]): fc.Arbitrary<unknown> =>
  fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 4, depthSize: 'small' },
      text(known),
      fc.constantFrom<unknown>(null, true, false, 0, -1, 1.5, 2 ** 53, 2 ** 60, 1e308, -0),
      fc.integer(),
      fc.array(tie('any'), { maxLength: 4 }),
      tie('object'),
    ),
    object: fc
      .array(fc.tuple(fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...keys) }, text(known)), tie('any')), {
        maxLength: 6,
      })
      .map((entries) => Object.fromEntries(entries)),
  })).any

/** A body: mostly an object of known names with wrong values, else text that is no JSON or JSON that is none of Matrix's. */
const bodyText = (known: string[]): fc.Arbitrary<string | undefined> =>
  fc.oneof(
    { weight: 8, arbitrary: value(known).map((made) => JSON.stringify(made)) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        '',
        '{',
        '[]',
        'null',
        '"x"',
        '1',
        '{"a":1,"a":2}',
        '{"a":1e400}',
        '{"__proto__":{"admin":true}}',
        '{"a":"\\ud800"}',
        '\ufeff{}',
        '['.repeat(20_000),
        `{"body":"${'x'.repeat(70_000)}"}`,
        '{"limit":123456789012345678901234567890}',
      ),
    },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 50 }) },
    { weight: 1, arbitrary: fc.constant(undefined) },
  )

const segment = (made: string, raw: boolean): string =>
  raw
    ? // What cannot stand in a request line at all would only test the HTTP parser.
      made.replace(/[^\x21-\x7e]/gu, '')
    : encodeURIComponent(made.toWellFormed())

test('ten thousand malformed requests are answered without a single 5xx', async () => {
  await using server = await startServer()
  const [alice, bob] = [await server.login('alice'), await server.login('bob')]
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  const eventId = await alice.send(roomId, 'hello')
  await bob.join(roomId)
  const since = (await alice.sync()).next_batch
  const known = [roomId, eventId, alice.userId, bob.userId, alice.deviceId, since]
  const origin = parseOrigin(server.url)
  let connection = new Connection(origin)

  const token = fc.constantFrom(...Array.from({ length: 12 }, () => 'alice'), 'none', 'garbage')
  const query = fc.array(
    fc.tuple(
      fc.constantFrom(
        'since',
        'from',
        'to',
        'limit',
        'dir',
        'filter',
        'full_state',
        'set_presence',
        'at',
        'membership',
        'ts',
        'kind',
        'via',
        'server_name',
        'room_id',
        'user_id',
        'format',
        'suggested_only',
        'max_depth',
        'include',
        'recurse',
        'username',
        'timeout',
      ),
      text([...known, 'b', 'f', '0', '{}', '{"room":1}']),
    ),
    { maxLength: 4 },
  )
  const shape = fc.record({
    endpoint: fc.constantFrom(...endpoints),
    pick: fc.nat(),
    values: fc.array(text(known), { minLength: 4, maxLength: 4 }),
    raw: fc.boolean(),
    token,
    query,
    body: bodyText(known),
    withQuery: fc.boolean(),
    otherMethod: fc.option(fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'), { freq: 20 }),
  })

  await fc.assert(
    fc.asyncProperty(
      shape,
      async ({ endpoint, pick, values, raw, token: who, query: pairs, body, withQuery, otherMethod }) => {
        const method = otherMethod ?? endpoint.methods[pick % endpoint.methods.length] ?? 'GET'
        let index = 0
        const path = endpoint.path.replace(/\{\w+\}/g, () => segment(values[index++] ?? '', raw))
        const search = withQuery ? `?${pairs.map(([name, given]) => `${name}=${segment(given, raw)}`).join('&')}` : ''
        const request = buildRequest(origin, method, path + search, {
          token: who === 'alice' ? alice.token : who === 'none' ? undefined : 'garbage',
          body: method === 'GET' ? undefined : body,
        })
        let timer: NodeJS.Timeout | undefined
        const silence = new Promise<undefined>((resolve) => {
          timer = setTimeout(() => resolve(undefined), patience)
        })
        const answer = await Promise.race([connection.exchange(request), silence])
        clearTimeout(timer)
        if (!answer) {
          connection.close()
          connection = new Connection(origin)
          return
        }
        const reply = answer.body.toString()
        assert.ok(answer.status < 500, `${method} ${path}${search} -> ${answer.status} ${reply}\nrequest: ${body}`)
        if (answer.status >= 400 && reply.startsWith('{')) {
          assertSpec({ method, path, request: body, status: answer.status, reply: JSON.parse(reply) })
        }
        // Some of them end the session, and rightly so.
        if (who === 'alice' && answer.status === 401)
          await alice.login('alice').catch(() => alice.login(`alice-${index}-${pick}`))
      },
    ),
    { numRuns: requests },
  )

  connection.close()
  assert.equal((await bob.ask('GET', '/account/whoami')).status, 200, 'the server still serves')
})

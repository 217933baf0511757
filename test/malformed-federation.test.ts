// Requests of another server that make no sense: none is answered with a 5xx, and the server goes on. By hand, with more of them:
// LATCHKEY_TEST_MALFORMED=100000 node --test test/malformed-federation.test.ts
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../src/matrix/json.ts'
import { startNetwork } from './harness/federation.ts'
import { enterRoom } from './harness/room-guest.ts'

const count = Number(process.env['LATCHKEY_TEST_MALFORMED'] ?? 600)
const seed = Number(process.env['LATCHKEY_TEST_SEED'] ?? 1)

/** Numbers between 0 and 1, the same for the same seed. */
function dice(start: number): () => number {
  let state = start
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

const endpoints: ReadonlyArray<readonly [method: 'GET' | 'PUT' | 'POST', path: string, query: readonly string[]]> = [
  ['GET', 'federation/v1/backfill/:room', ['v', 'limit']],
  ['GET', 'federation/v1/event/:event', []],
  ['GET', 'federation/v1/event_auth/:room/:event', []],
  ['POST', 'federation/v1/get_missing_events/:room', []],
  ['GET', 'federation/v1/hierarchy/:room', ['suggested_only']],
  ['PUT', 'federation/v1/invite/:room/:event', []],
  ['PUT', 'federation/v2/invite/:room/:event', []],
  ['GET', 'federation/v1/make_join/:room/:user', ['ver']],
  ['GET', 'federation/v1/make_knock/:room/:user', ['ver']],
  ['GET', 'federation/v1/make_leave/:room/:user', []],
  ['GET', 'federation/v1/media/download/:text', []],
  ['GET', 'federation/v1/media/thumbnail/:text', ['width', 'height', 'method']],
  ['GET', 'federation/v1/openid/userinfo', ['access_token']],
  ['GET', 'federation/v1/publicRooms', ['limit', 'since']],
  ['POST', 'federation/v1/publicRooms', []],
  ['GET', 'federation/v1/query/directory', ['room_alias']],
  ['GET', 'federation/v1/query/profile', ['user_id', 'field']],
  ['PUT', 'federation/v1/send/:text', []],
  ['PUT', 'federation/v1/send_join/:room/:event', []],
  ['PUT', 'federation/v2/send_join/:room/:event', []],
  ['PUT', 'federation/v1/send_knock/:room/:event', []],
  ['PUT', 'federation/v1/send_leave/:room/:event', []],
  ['PUT', 'federation/v2/send_leave/:room/:event', []],
  ['GET', 'federation/v1/state/:room', ['event_id']],
  ['GET', 'federation/v1/state_ids/:room', ['event_id']],
  ['GET', 'federation/v1/timestamp_to_event/:room', ['ts', 'dir']],
  ['GET', 'federation/v1/user/devices/:user', []],
  ['POST', 'federation/v1/user/keys/claim', []],
  ['POST', 'federation/v1/user/keys/query', []],
  ['GET', 'federation/v1/version', []],
  ['POST', 'key/v2/query', []],
  ['GET', 'key/v2/server', []],
]

const keys = [
  '',
  ...'pdus edus event room_version invite_room_state type sender state_key content origin prev_events auth_events'.split(
    ' ',
  ),
  ...'depth hashes signatures origin_server_ts room_id event_id device_keys one_time_keys server_keys limit'.split(' '),
  ...'earliest_events latest_events min_depth filter membership edu_type user_id messages redacts unsigned'.split(' '),
  ...'since __proto__ constructor'.split(' '),
]

test(`${count} requests that make no sense are answered without one 5xx`, async () => {
  await using net = await startNetwork(['hs1.test'], { strangers: ['evil.test'] })
  const [server, evil] = [net.at('hs1.test'), await net.stranger('evil.test')]
  const alice = await server.login('alice')
  const roomId = await alice.createRoom({ preset: 'public_chat', room_version: '11' })
  const message = await alice.send(roomId, 'hello')
  const guest = await enterRoom(evil, server, roomId)
  const next = dice(seed)
  const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T // no list is empty

  const texts = [
    '',
    ' ',
    '\u0000',
    '\ud800',
    'a'.repeat(256),
    'a'.repeat(3000),
    '$'.padEnd(44, 'A'),
    roomId,
    message,
    ...'! $ @ # : * 0 -1 1e9 NaN null true 😀 ../.. !a:evil.test @a:hs1.test @: @a:b:c evil.test 12'.split(' '),
    ...'m.room.member m.room.message m.typing m.receipt m.direct_to_device m.device_list_update join'.split(' '),
    ...'m.signing_key_update m.presence invite __proto__ 9007199254740993 ed25519:test'.split(' '),
    guest.userId,
    alice.userId,
    guest.join.id,
  ]
  const value = (depth: number): unknown => {
    const kind = next()
    if (kind < 0.35 || depth === 0) return pick(texts)
    if (kind < 0.5) return pick([0, -1, 1.5, 1e300, Number.MAX_SAFE_INTEGER + 1, null, true, false])
    if (kind < 0.7) return Array.from({ length: Math.floor(next() * 4) }, () => value(depth - 1))
    return Object.fromEntries(
      Array.from({ length: Math.floor(next() * 6) }, () => [next() < 0.8 ? pick(keys) : pick(texts), value(depth - 1)]),
    )
  }
  /** An event that would be good but for one or two things. */
  const nearly = (): JsonObject => {
    const { pdu } = guest.make(
      next() < 0.5 ? {} : { type: 'm.room.member', stateKey: guest.userId, content: { membership: 'join' } },
    )
    for (let changes = Math.floor(next() * 3); changes > 0; changes--)
      Object.assign(pdu, { [pick(Object.keys(pdu))]: value(2) })
    return pdu
  }
  const body = (path: string): unknown => {
    if (next() < 0.2) return value(4)
    if (path.includes('send/'))
      return {
        pdus: Array.from({ length: Math.floor(next() * 4) }, () => (next() < 0.7 ? nearly() : value(3))),
        edus: Array.from({ length: Math.floor(next() * 4) }, () =>
          next() < 0.7 ? { edu_type: pick(texts), content: value(4) } : value(3),
        ),
      }
    if (path.includes('v2/invite'))
      return { room_version: pick(['1', '11', '12', 'x']), event: nearly(), ...(value(2) as object) }
    if (path.includes('send_') || path.includes('invite')) return nearly()
    return { [pick(keys)]: value(3), [pick(keys)]: value(3) }
  }
  const encode = (text: string): string =>
    next() < 0.05 ? pick(['%', '%zz', '%00', '']) : encodeURIComponent(text.toWellFormed())
  const part = { room: [roomId], event: [message, guest.join.id], user: [guest.userId, alice.userId], text: texts }

  const faults: string[] = []
  const statuses = new Map<number, number>()
  const one = async (): Promise<void> => {
    const [method, pattern, query] = pick(endpoints)
    const path = pattern.replaceAll(/:(room|event|user|text)/g, (_, kind: keyof typeof part) =>
      encode(next() < 0.7 ? pick(part[kind]) : pick(texts)),
    )
    const search = query.flatMap((name) =>
      next() < 0.85 ? [`${name}=${encode(next() < 0.3 ? pick([message, alice.userId, '10']) : pick(texts))}`] : [],
    )
    const target = `/_matrix/${path}${search.length > 0 ? `?${search.join('&')}` : ''}`
    const content = method === 'GET' ? undefined : (body(`${pattern}/`) as JsonObject)
    const { status, raw } = await evil.ask(server, method, target, content)
    statuses.set(status, (statuses.get(status) ?? 0) + 1)
    if (status >= 500 && status !== 502)
      faults.push(`${status} ${method} ${target} ${JSON.stringify(content)} ${raw.toString()}`)
  }
  for (let done = 0; done < count; done += 20) await Promise.all(Array.from({ length: 20 }, one))
  console.log(JSON.stringify(Object.fromEntries(statuses)))
  assert.deepEqual(faults.slice(0, 5), [])
  await alice.send(roomId, 'still here')
  assert.ok((statuses.get(200) ?? 0) > 0 && (statuses.get(400) ?? 0) > 0)
})

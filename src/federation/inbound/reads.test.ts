import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { startNetwork, type Answer } from '../../../test/harness/federation.ts'
import { databases } from '../../../test/harness/postgres.ts'
import type { JsonObject } from '../../matrix/json.ts'
import { addMember } from '../fixture.test.ts'

const v1 = '/_matrix/federation/v1'
const e = encodeURIComponent

/** Every endpoint that reads of a room, asked of an event. */
const endpoints: Record<string, (roomId: string, eventId: string) => ['GET' | 'POST', string, JsonObject?]> = {
  event: (_, eventId) => ['GET', `${v1}/event/${e(eventId)}`],
  state: (roomId, eventId) => ['GET', `${v1}/state/${e(roomId)}?event_id=${e(eventId)}`],
  state_ids: (roomId, eventId) => ['GET', `${v1}/state_ids/${e(roomId)}?event_id=${e(eventId)}`],
  event_auth: (roomId, eventId) => ['GET', `${v1}/event_auth/${e(roomId)}/${e(eventId)}`],
  backfill: (roomId, eventId) => ['GET', `${v1}/backfill/${e(roomId)}?v=${e(eventId)}&limit=5`],
  get_missing_events: (roomId, eventId) => [
    'POST',
    `${v1}/get_missing_events/${e(roomId)}`,
    { earliest_events: [], latest_events: [eventId], limit: 5 },
  ],
  timestamp_to_event: (roomId) => ['GET', `${v1}/timestamp_to_event/${e(roomId)}?ts=9999999999999&dir=b`],
}
const text = ({ status, raw }: Answer): string => `${status} ${raw.toString()}`

test('who may not read is answered as if there were nothing, byte for byte, by every endpoint that reads', async () => {
  await using net = await startNetwork(['hs1.test'], { database: databases[0]!.open, strangers: ['s.test'] })
  const [server, stranger] = [net.at('hs1.test'), await net.stranger('s.test')]
  let alice = await server.login('alice')
  const make = async (visibility: string): Promise<{ roomId: string; eventId: string }> => {
    const roomId = await alice.createRoom({
      preset: 'public_chat',
      initial_state: [
        { type: 'm.room.history_visibility', state_key: '', content: { history_visibility: visibility } },
      ],
    })
    await alice.send(roomId, 'before')
    return { roomId, eventId: await alice.send(roomId, 'said') }
  }
  const rooms: Record<string, { roomId: string; eventId: string }> = {}
  for (const visibility of ['shared', 'joined', 'invited', 'world_readable']) rooms[visibility] = await make(visibility)
  const [shared, joined, world] = [rooms['shared']!, rooms['joined']!, rooms['world_readable']!]
  const denied = await make('shared')
  const left = await make('shared')
  const banned = await make('shared')
  const foreign = await make('shared')
  for (const { roomId } of [shared, joined, denied, left, banned]) await addMember(server, roomId, '@bob:s.test')
  alice = await server.login('alice')
  await alice.setState(denied.roomId, 'm.room.server_acl', { allow: ['*'], deny: ['s.*'] })
  // As if they had gone, and been banned, before anything was said: no event of theirs is there.
  await server.stop()
  const db = new DatabaseSync(server.homeserver.config.database.slice('sqlite:'.length))
  const set = db.prepare(
    `update memberships set membership = ? where room_nid = (select nid from rooms where room_id = ?)
     and user_nid = (select nid from users where user_id = '@bob:s.test')`,
  )
  set.run('leave', left.roomId)
  set.run('ban', banned.roomId)
  db.close()
  await server.start()

  const nothing = { roomId: '!nothing:hs1.test', eventId: `$${'A'.repeat(43)}` }
  for (const [name, question] of Object.entries(endpoints)) {
    const ask = async ({ roomId, eventId }: typeof nothing): Promise<string> =>
      text(await stranger.ask(server, ...question(roomId, eventId)))
    const refusal = await ask(nothing)
    assert.match(refusal, /^404 .*M_NOT_FOUND/, name)
    assert.equal(await ask(foreign), refusal, `${name}: not in the room`)
    assert.equal(await ask(left), refusal, `${name}: left before it was said`)
    assert.equal(await ask(banned), refusal, `${name}: banned`)
    assert.equal(await ask(denied), refusal, `${name}: denied by the room`)
    assert.equal(await ask(rooms['invited']!), refusal, `${name}: not in the room, which shows nothing to others`)
    if (name !== 'event' && name !== 'timestamp_to_event') {
      assert.equal(await ask({ ...shared, eventId: foreign.eventId }), refusal, `${name}: an event of another room`)
      assert.equal(await ask({ ...foreign, eventId: shared.eventId }), refusal, `${name}: a room of another event`)
    }
    assert.match(await ask(shared), /^200/, `${name}: in the room`)
    const worldwide = name === 'get_missing_events' ? /^404/ : /^200/
    assert.match(await ask(world), worldwide, `${name}: open to the world`)
    // In a room that shows only what was said while one was there, the state is given, and what was said is not.
    const isState = name.startsWith('state') || name === 'event_auth'
    if (isState || name === 'backfill' || name === 'get_missing_events') {
      const answer = await ask(joined)
      assert.match(answer, /^200/, `${name}: in the room since`)
      assert.ok(!answer.includes('"body"'), `${name}: nothing that was said before`)
    } else if (name === 'timestamp_to_event')
      assert.ok(!(await ask(joined)).includes(joined.eventId), `${name}: said before one was there`)
    else assert.equal(await ask(joined), refusal, `${name}: said before one was there`)
  }
})

test('what is read is right: the state before an event, what authorises it, and events in their order', async () => {
  await using net = await startNetwork(['hs1.test'], { database: databases[0]!.open, strangers: ['s.test'] })
  const [server, stranger] = [net.at('hs1.test'), await net.stranger('s.test')]
  let alice = await server.login('alice')
  const roomId = await alice.createRoom({ preset: 'public_chat', name: 'first' })
  const said: string[] = []
  for (let index = 0; index < 5; index++) said.push(await alice.send(roomId, `m${index}`))
  await addMember(server, roomId, '@bob:s.test')
  alice = await server.login('alice')
  const renamed = await alice.setState(roomId, 'm.room.name', { name: 'second' })
  type Pdu = JsonObject & { type: string; content: JsonObject; prev_events: string[] }
  const get = async (path: string) =>
    (await stranger.ask(server, 'GET', `${v1}${path}`)).body as unknown as Record<string, Pdu[] & string[]>
  const state = await get(`/state/${e(roomId)}?event_id=${e(renamed)}`)
  const names = state['pdus']?.filter(({ type }) => type === 'm.room.name').map(({ content }) => content['name'])
  assert.deepEqual(names, ['first'])
  const idsOnly = await get(`/state_ids/${e(roomId)}?event_id=${e(renamed)}`)
  assert.equal(idsOnly['pdu_ids']?.length, state['pdus']?.length)
  assert.equal(idsOnly['auth_chain_ids']?.length, state['auth_chain']?.length)
  const auth = await get(`/event_auth/${e(roomId)}/${e(renamed)}`)
  assert.ok(auth['auth_chain']?.some(({ type }) => type === 'm.room.power_levels'))
  const backfill = await get(`/backfill/${e(roomId)}?v=${e(said[4]!)}&limit=3`)
  assert.deepEqual(
    backfill['pdus']?.map(({ content }) => content['body']),
    ['m4', 'm3', 'm2'],
  )
  const missing = await stranger.ask(server, 'POST', `${v1}/get_missing_events/${e(roomId)}`, {
    earliest_events: [said[1]!],
    latest_events: [said[4]!],
    limit: 10,
  })
  assert.deepEqual(
    (missing.body['events'] as unknown as Pdu[]).map(({ content }) => content['body']),
    ['m2', 'm3'],
  )
  const nearest = await get(`/timestamp_to_event/${e(roomId)}?ts=${Date.now() + 1000}&dir=b`)
  assert.equal(nearest['event_id'], renamed)
})

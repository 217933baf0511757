import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { databases } from '../../test/harness/postgres.ts'
import { mount, sessionOf, type Mounted } from '../../test/harness/routes.ts'
import { directoryRoutes, openAliases, type RoomAliases } from '../directory/index.ts'
import type { Session } from '../http/index.ts'
import { signingKey } from '../matrix/signing.ts'
import { roomVersions } from '../matrix/room-version.ts'
import { copyRoomRules, openPushRules, type PushRules } from '../push/index.ts'
import { openDatabase, type Database } from '../storage/index.ts'
import { openLog } from '../streams/index.ts'
import { createUsers, type Users } from '../users/index.ts'
import { openRooms, type Rooms, stateOfType } from '../events/index.ts'
import {
  createProfiles,
  createRoutes,
  membershipRoutes,
  openSuccessions,
  sendRoutes,
  type Successions,
  upgradeRoutes,
} from './index.ts'

const serverName = 'one.test'
const enc = encodeURIComponent
type Name = 'alice' | 'bob' | 'carol'
type Content = Record<string, unknown>

interface World extends Pick<Mounted, 'ask' | 'outcome'> {
  readonly rooms: Rooms
  readonly users: Users
  readonly rules: PushRules
  readonly aliases: RoomAliases
  readonly successions: Successions
  readonly sessions: Readonly<Record<Name, Session>>
  create(name: Name, wish?: object): Promise<string>
  act(name: Name, roomId: string, action: string, body?: object): Promise<string>
  setState(name: Name, roomId: string, type: string, content: object, stateKey?: string): Promise<string>
  state(roomId: string, type: string, stateKey?: string): Promise<Content | undefined>
  /** Upgrades a room and returns the new one's id. */
  upgrade(name: Name, roomId: string, body?: object): Promise<string>
}

async function build(database: Database, body: (world: World) => Promise<void>): Promise<void> {
  const onError = (error: unknown): never => {
    throw error
  }
  const log = await openLog(database, onError)
  const now = (): number => Date.now()
  const users = createUsers({ database, log, serverName, now })
  const base = {
    database,
    log,
    users,
    serverName,
    signingKey: signingKey('1', Buffer.alloc(32, 7)),
    now,
    randomId: () => randomBytes(32).toString('base64url'),
  }
  const rooms = await openRooms(base)
  const aliases = openAliases({ ...base, rooms })
  const rules = openPushRules(base)
  await using successions = openSuccessions({
    ...base,
    rooms,
    onError,
    copyPushRules: (user, from, to) => copyRoomRules(rules, user, from, to),
  })
  const session = async (localpart: string): Promise<Session> => {
    const { nid, userId } = await database.write((tx) => users.create(tx, { localpart, createdBy: 'test' }))
    return sessionOf(nid, userId, { device: nid, deviceId: 'D' })
  }
  const sessions = { alice: await session('alice'), bob: await session('bob'), carol: await session('carol') }
  const deps = { ...base, rooms, aliases, profiles: createProfiles(users), successions }
  await using http = mount(
    [
      ...createRoutes(deps),
      ...membershipRoutes(deps),
      ...sendRoutes(deps),
      ...upgradeRoutes(deps),
      ...directoryRoutes(deps),
    ],
    sessions,
  )
  const { ask, outcome } = http
  const idFrom = async (name: Name, path: string, wish: object, key: string): Promise<string> => {
    const { status, body: reply } = await ask(name, 'POST', path, wish)
    assert.equal(status, 200, JSON.stringify(reply))
    return String(reply[key])
  }
  await body({
    rooms,
    users,
    rules,
    aliases,
    successions,
    sessions,
    ask,
    outcome,
    create: (name, wish = {}) => idFrom(name, '/createRoom', wish, 'room_id'),
    act: (name, roomId, action, wish = {}) => outcome(name, 'POST', `/rooms/${enc(roomId)}/${action}`, wish),
    setState: (name, roomId, type, content, stateKey = '') =>
      outcome(name, 'PUT', `/rooms/${enc(roomId)}/state/${enc(type)}/${enc(stateKey)}`, content),
    state: async (roomId, type, stateKey = '') => {
      const room = await rooms.find(roomId)
      return room && (await rooms.stateEvent(room, type, stateKey))?.event.content
    },
    upgrade: (name, roomId, wish = { new_version: '12' }) =>
      idFrom(name, `/rooms/${enc(roomId)}/upgrade`, wish, 'replacement_room'),
  })
  assert.deepEqual(http.errors, [])
}

const over = (name: string, body: (world: World) => Promise<void>): void => {
  for (const kind of databases) {
    test(`${name} (${kind.name})`, async () => {
      const { url, dispose } = await kind.open()
      {
        await using database = await openDatabase({ url, serverName })
        await build(database, body)
      }
      await dispose()
    })
  }
}

over('a room is upgraded: what it was goes along, and the old one is closed', async (world) => {
  const { create, act, setState, state, upgrade, aliases, rooms, ask, sessions } = world
  const kept: Record<string, Content> = {
    'm.room.server_acl': { allow: ['*'], deny: ['evil.test'] },
    'm.room.encryption': { algorithm: 'm.megolm.v1.aes-sha2' },
    'm.room.avatar': { url: 'mxc://one.test/a' },
    'm.room.topic': { topic: 'Leaves' },
    'm.room.name': { name: 'Tea' },
    'm.room.history_visibility': { history_visibility: 'joined' },
    'm.room.guest_access': { guest_access: 'can_join' },
    'm.room.join_rules': { join_rule: 'knock' },
  }
  const from = await create('alice', {
    room_version: '10',
    visibility: 'public',
    room_alias_name: 'tea',
    invite: ['@bob:one.test'],
    creation_content: { 'm.federate': false },
    initial_state: Object.entries(kept).map(([type, content]) => ({ type, content })),
  })
  assert.equal(await act('bob', from, 'join'), '200')
  assert.equal(await act('alice', from, 'ban', { user_id: '@spam:one.test', reason: 'spam' }), '200')
  const last = (await rooms.find(from))?.extremities[0]?.id
  const to = await upgrade('alice', from, { new_version: '11' })

  assert.deepEqual(await state(to, 'm.room.create'), {
    room_version: '11',
    'm.federate': false,
    predecessor: { room_id: from, event_id: last },
  })
  for (const [type, content] of Object.entries(kept)) assert.deepEqual(await state(to, type), content, type)
  assert.deepEqual(await state(to, 'm.room.member', '@spam:one.test'), { membership: 'ban', reason: 'spam' })
  assert.deepEqual([...((await rooms.find(to))?.joined ?? [])], [sessions.alice.user], 'nobody is moved')

  const tombstone = await state(from, 'm.room.tombstone')
  assert.equal(tombstone?.['replacement_room'], to)
  assert.equal(typeof tombstone?.['body'], 'string')
  assert.deepEqual(await state(to, 'm.room.canonical_alias'), { alias: '#tea:one.test' })
  assert.deepEqual(await state(from, 'm.room.canonical_alias'), {})
  assert.equal((await aliases.find('#tea:one.test'))?.room, (await rooms.find(to))?.nid)
  const listed = (await ask('bob', 'GET', '/publicRooms')).body as { chunk: Array<{ room_id: string }> }
  assert.deepEqual(
    listed.chunk.map((entry) => entry.room_id),
    [to],
  )
  const levels = await state(from, 'm.room.power_levels')
  assert.deepEqual([levels?.['events_default'], levels?.['invite']], [50, 50])
  assert.equal(await setState('bob', from, 'm.room.name', {}), '403 M_FORBIDDEN')
})

over(
  'only who may send a tombstone upgrades a room, and only to a version that is known',
  async ({ create, act, outcome, rooms }) => {
    const from = await create('alice', { preset: 'public_chat', room_version: '10' })
    assert.equal(await act('bob', from, 'join'), '200')
    const ask = (name: Name, body: object) => outcome(name, 'POST', `/rooms/${enc(from)}/upgrade`, body)
    assert.equal(await ask('bob', { new_version: '12' }), '403 M_FORBIDDEN')
    assert.equal(await ask('carol', { new_version: '12' }), '403 M_FORBIDDEN')
    assert.equal(await ask('alice', { new_version: '99' }), '400 M_UNSUPPORTED_ROOM_VERSION')
    assert.equal(await ask('alice', {}), '400 M_MISSING_PARAM')
    assert.equal(await ask('alice', { new_version: '12', additional_creators: ['bob'] }), '400 M_INVALID_PARAM')
    assert.equal((await rooms.find(from))?.summary.successor, null)
  },
)

over(
  'creators of a new room lose their level and have no need of it; the others keep theirs',
  async ({ create, state, upgrade }) => {
    const users = { '@alice:one.test': 100, '@bob:one.test': 100, '@carol:one.test': 50 }
    const from = await create('alice', {
      room_version: '10',
      power_level_content_override: { users, notifications: { room: 70 } },
    })
    const to = await upgrade('alice', from, {
      new_version: '12',
      additional_creators: ['@bob:one.test', '@alice:one.test'],
    })
    assert.deepEqual((await state(to, 'm.room.create'))?.['additional_creators'], ['@bob:one.test'])
    const levels = await state(to, 'm.room.power_levels')
    assert.deepEqual(levels?.['users'], { '@carol:one.test': 50 })
    assert.equal((levels?.['events'] as Content | undefined)?.['m.room.tombstone'], 150)
    assert.deepEqual(levels?.['notifications'], { room: 70 })

    const next = await upgrade('alice', to, { new_version: '12' })
    assert.equal((await state(next, 'm.room.create'))?.['additional_creators'], undefined, 'they are not copied')
    const older = await upgrade('alice', next, { new_version: '11' })
    assert.deepEqual((await state(older, 'm.room.power_levels'))?.['users'], {
      '@alice:one.test': 150,
      '@carol:one.test': 50,
    })
  },
)

over(
  'a moderator who may send tombstones makes a room in which they have no more power than before',
  async ({ create, act, setState, state, upgrade, rooms }) => {
    const from = await create('alice', {
      room_version: '10',
      preset: 'public_chat',
      name: 'Tea',
      power_level_content_override: {
        users: { '@alice:one.test': 200, '@bob:one.test': 50, '@eve:one.test': 120 },
        events: { 'm.room.tombstone': 50, 'm.room.power_levels': 200, 'm.room.topic': 200 },
      },
    })
    assert.equal(await act('bob', from, 'join'), '200')
    assert.equal(await setState('alice', from, 'm.room.topic', { topic: 'Leaves' }), '200')
    assert.equal(await act('alice', from, 'ban', { user_id: '@eve:one.test' }), '200')
    const to = await upgrade('bob', from, { new_version: '11' })
    assert.deepEqual(await state(to, 'm.room.topic'), { topic: 'Leaves' })
    assert.deepEqual((await state(to, 'm.room.power_levels'))?.['users'], {
      '@alice:one.test': 200,
      '@bob:one.test': 50,
      '@eve:one.test': 120,
    })
    assert.equal((await state(to, 'm.room.member', '@eve:one.test'))?.['membership'], 'ban')
    assert.equal(
      await setState('bob', to, 'm.room.power_levels', { users: { '@bob:one.test': 200 } }),
      '403 M_FORBIDDEN',
    )
    assert.equal((await rooms.find(from))?.summary.successor, to, 'the old room is closed as far as they may')
  },
)

over(
  'rooms of every version are upgraded to the next one, and down again with the rules that are known there',
  async ({ create, upgrade, state }) => {
    const versions = [...roomVersions.keys()]
    const room = await create('alice', {
      room_version: '1',
      initial_state: [{ type: 'm.room.join_rules', content: { join_rule: 'invite' } }],
    })
    let from = room
    for (const version of versions.slice(1)) {
      from = await upgrade('alice', from, { new_version: version })
      assert.equal((await state(from, 'm.room.create'))?.['room_version'], version)
    }
    const knocked = await create('alice', {
      room_version: '10',
      initial_state: [{ type: 'm.room.join_rules', content: { join_rule: 'knock_restricted', allow: [] } }],
    })
    assert.deepEqual(await state(await upgrade('alice', knocked, { new_version: '9' }), 'm.room.join_rules'), {
      join_rule: 'restricted',
      allow: [],
    })
    assert.deepEqual(await state(await upgrade('alice', knocked, { new_version: '6' }), 'm.room.join_rules'), {
      join_rule: 'invite',
    })
  },
)

over('a space stays a space, with its children', async ({ create, setState, upgrade, state, rooms }) => {
  const child = await create('alice')
  const from = await create('alice', { creation_content: { type: 'm.space' } })
  await setState('alice', from, 'm.space.child', { via: ['one.test'], order: 'a' }, child)
  await setState('alice', from, 'm.space.child', {}, '!gone:one.test')
  await setState('alice', from, 'com.example.widget', { secret: 1 })
  const to = await upgrade('alice', from)
  assert.equal((await state(to, 'm.room.create'))?.['type'], 'm.space')
  const head = await rooms.find(to)
  assert.ok(head)
  assert.deepEqual(
    (await stateOfType(rooms, head, 'm.space.child')).map(({ event }) => [event.stateKey, event.content]),
    [[child, { via: ['one.test'], order: 'a' }]],
  )
  assert.equal(await state(to, 'com.example.widget'), undefined, 'state that may count by who sent it stays behind')
})

over('a second press on the button makes no second room', async ({ create, upgrade, rooms }) => {
  const from = await create('alice')
  const made = await Promise.all([upgrade('alice', from), upgrade('alice', from), upgrade('alice', from)])
  assert.equal(new Set(made).size, 1)
  assert.equal((await rooms.find(from))?.summary.successor, made[0])
})

over(
  'who joins the new room finds there what they had set for the old one',
  async ({ create, act, upgrade, users, rules, rooms, sessions, successions }) => {
    const from = await create('alice', { preset: 'public_chat' })
    assert.equal(await act('bob', from, 'join'), '200')
    const old = await rooms.find(from)
    assert.ok(old)
    for (const { user } of [sessions.alice, sessions.bob, sessions.carol]) {
      await users.accountData.set(user, old.nid, 'm.tag', { tags: { 'm.favourite': { order: 0.5 } } })
      await users.accountData.set(user, undefined, 'm.direct', {
        '@x:one.test': [from],
        '@y:one.test': ['!other:one.test'],
      })
      await rules.change(user, (stored) => ({
        ...stored,
        own: {
          room: [{ rule_id: from, enabled: true, actions: [] }],
          override: [
            {
              rule_id: from,
              enabled: false,
              actions: [],
              conditions: [{ kind: 'event_match', key: 'room_id', pattern: from }],
            },
          ],
        },
      }))
    }
    const to = await upgrade('alice', from)
    for (const name of ['bob', 'carol'] as const) assert.equal(await act(name, to, 'join'), '200')
    const room = await rooms.find(to)
    assert.ok(room)
    await successions[Symbol.asyncDispose]()
    for (const name of ['alice', 'bob'] as const) {
      const { user } = sessions[name]
      assert.deepEqual(await users.accountData.get(user, room.nid, 'm.tag'), {
        tags: { 'm.favourite': { order: 0.5 } },
      })
      assert.deepEqual(await users.accountData.get(user, undefined, 'm.direct'), {
        '@x:one.test': [from, to],
        '@y:one.test': ['!other:one.test'],
      })
      const { room: roomRules, override } = await rules.ruleset(user)
      assert.deepEqual(
        roomRules.map((rule) => rule.rule_id),
        [from, to],
      )
      assert.deepEqual(
        override
          .filter((rule) => !rule.default)
          .map(({ rule_id: id, enabled, conditions }) => [id, enabled, conditions?.[0]?.['pattern']]),
        [
          [from, false, from],
          [to, false, to],
        ],
      )
    }
    assert.equal(
      await users.accountData.get(sessions.carol.user, room.nid, 'm.tag'),
      undefined,
      'who was not in the old room brings nothing along',
    )
  },
)

over(
  'a room made anew by hand gives who made it their settings of the old one, when that one says so too',
  async ({ create, setState, users, rooms, sessions: { alice }, successions }) => {
    const from = await create('alice')
    const old = await rooms.find(from)
    assert.ok(old)
    await users.accountData.set(alice.user, old.nid, 'm.tag', { tags: { 'm.favourite': {} } })
    const to = await create('alice', { creation_content: { predecessor: { room_id: from } } })
    assert.equal(await setState('alice', from, 'm.room.tombstone', { body: '', replacement_room: to }), '200')
    const room = await rooms.find(to)
    assert.ok(room)
    await successions[Symbol.asyncDispose]()
    assert.deepEqual(await users.accountData.get(alice.user, room.nid, 'm.tag'), { tags: { 'm.favourite': {} } })
  },
)

over('levels that the specification does not know go along with an upgrade', async (world) => {
  const levels = { historical: 100, 'org.example.level': 7, users: { '@alice:one.test': 100 } }
  const from = await world.create('alice', { room_version: '11', power_level_content_override: levels })
  for (const version of ['11', '12']) {
    const to = await world.upgrade('alice', from, { new_version: version })
    const carried = await world.state(to, 'm.room.power_levels')
    assert.deepEqual([carried?.['historical'], carried?.['org.example.level']], [100, 7], version)
  }
})

over('creators who are listed in the power levels of a new room of version 12 are left out of them', async (world) => {
  const users = { '@alice:one.test': 100, '@bob:one.test': 50 }
  const plain = await world.create('alice', { room_version: '12', power_level_content_override: { users } })
  assert.deepEqual((await world.state(plain, 'm.room.power_levels'))?.['users'], { '@bob:one.test': 50 })
  const initial = await world.create('alice', {
    room_version: '12',
    creation_content: { additional_creators: ['@bob:one.test'] },
    initial_state: [{ type: 'm.room.power_levels', content: { users } }],
  })
  assert.deepEqual((await world.state(initial, 'm.room.power_levels'))?.['users'], {})
  const older = await world.create('alice', { room_version: '11', power_level_content_override: { users } })
  assert.deepEqual((await world.state(older, 'm.room.power_levels'))?.['users'], users)
})

// GHSA-cjh7-rcpx-xpf8: an alias could be stolen by a room with a false predecessor.
over(
  'a room that merely says that it took the place of another gets nothing of it',
  async ({ create, act, users, rooms, sessions, aliases, successions, state }) => {
    const from = await create('alice', { preset: 'public_chat', room_alias_name: 'tea', visibility: 'public' })
    assert.equal(await act('bob', from, 'join'), '200')
    const old = await rooms.find(from)
    assert.ok(old)
    await users.accountData.set(sessions.bob.user, old.nid, 'm.tag', { tags: { 'm.favourite': {} } })
    const fake = await create('bob', {
      preset: 'public_chat',
      creation_content: { predecessor: { room_id: from, event_id: old.extremities[0]?.id } },
    })
    const room = await rooms.find(fake)
    assert.ok(room)
    await assert.rejects(aliases.move(old, room, sessions.bob.user), { errcode: 'M_FORBIDDEN' })
    assert.equal(await act('alice', fake, 'join'), '200')
    await successions.carryOver(sessions.bob.user, room)
    assert.equal(await users.accountData.get(sessions.bob.user, room.nid, 'm.tag'), undefined)
    assert.equal((await aliases.find('#tea:one.test'))?.room, old.nid)
    assert.deepEqual(await state(from, 'm.room.canonical_alias'), { alias: '#tea:one.test' })
    assert.deepEqual([old.published, room.published], [true, false])
  },
)

test('many rooms that one user makes at the same moment are different rooms', async () => {
  const { url, dispose } = await databases[0]!.open()
  {
    await using database = await openDatabase({ url, serverName })
    await build(database, async ({ create }) => {
      assert.equal(new Set(await Promise.all(Array.from({ length: 40 }, () => create('alice')))).size, 40)
    })
  }
  await dispose()
})

over('a space of very many children is made and upgraded in parts, and keeps them all', async (world) => {
  const children = Array.from({ length: 450 }, (_, index) => `!child${index}:one.test`)
  const content = { via: ['one.test'] }
  const from = await world.create('alice', {
    room_version: '11',
    creation_content: { type: 'm.space' },
    initial_state: children.slice(0, 150).map((child) => ({ type: 'm.space.child', state_key: child, content })),
  })
  for (const child of children.slice(150)) await world.setState('alice', from, 'm.space.child', content, child)
  for (const version of ['11', '12', '1']) {
    const to = await world.upgrade('alice', from, { new_version: version })
    const room = await world.rooms.find(to)
    assert.ok(room)
    const kept = (await stateOfType(world.rooms, room, 'm.space.child')).map(({ event }) => event.stateKey ?? '')
    assert.deepEqual(kept.toSorted(), children.toSorted())
    assert.equal((await world.state(from, 'm.room.tombstone'))?.['replacement_room'], to)
  }
})

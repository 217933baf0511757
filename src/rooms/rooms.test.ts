import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { databases } from '../../test/harness/postgres.ts'
import { signingKey } from '../matrix/signing.ts'
import { roomVersions } from '../matrix/room-version.ts'
import { openDatabase, type Database } from '../storage/index.ts'
import { openLog } from '../streams/index.ts'
import { createUsers } from '../users/index.ts'
import { openRooms } from '../events/index.ts'
import { createProfiles } from './index.ts'
import { createRoom } from './create.ts'
import { invite, join, leave } from './membership.ts'

const serverName = 'one.test'

async function open(database: Database) {
  const log = await openLog(database, (error) => {
    throw error
  })
  const now = () => Date.now()
  const randomId = () => randomBytes(32).toString('base64url')
  const users = createUsers({ database, log, serverName, now })
  const base = { database, log, users, serverName, signingKey: signingKey('1', Buffer.alloc(32, 7)), now, randomId }
  const rooms = await openRooms(base)
  const deps = { ...base, rooms, profiles: createProfiles(users) }
  const who = async (name: string) => {
    const userId = `@${name}:${serverName}`
    return { nid: await users.intern(userId), userId }
  }
  return { ...deps, who }
}

for (const kind of databases) {
  for (const version of roomVersions.keys()) {
    test(`a room of version ${version} is made, joined, talked in, and found again after a restart (${kind.name})`, async () => {
      const { url, dispose } = await kind.open()
      let roomId = ''
      let head: { state: Map<number, number>; extremities: unknown } | undefined
      {
        await using database = await openDatabase({ url, serverName })
        const deps = await open(database)
        const [alice, bob] = [await deps.who('alice'), await deps.who('bob')]
        const room = await createRoom(deps, alice, { version, name: 'Kitchen', invite: [bob.userId] })
        roomId = room.id
        await assert.rejects(
          deps.rooms.append(room, [{ type: 'm.room.message', sender: bob, content: { body: 'no' } }]),
          { errcode: 'M_FORBIDDEN' },
        )
        await join(deps, bob, room)
        const sent = await Promise.all(
          Array.from({ length: 20 }, (_, index) =>
            deps.rooms.append(room, [
              { type: 'm.room.message', sender: index % 2 ? alice : bob, content: { body: String(index) } },
            ]),
          ),
        )
        assert.equal(new Set(sent.map(([stored]) => stored?.event.id)).size, 20)
        await leave(deps, bob, room)
        assert.deepEqual([room.joined.size, room.invited, room.summary.name], [1, 0, 'Kitchen'])
        await assert.rejects(invite(deps, bob, room, '@carol:one.test'), { errcode: 'M_FORBIDDEN' })
        head = { state: new Map(room.state), extremities: room.extremities }
      }
      {
        await using database = await openDatabase({ url, serverName })
        const deps = await open(database)
        const room = await deps.rooms.find(roomId)
        assert.ok(room)
        assert.deepEqual(room.state, head?.state)
        assert.deepEqual(await deps.rooms.stateSets.load(room.chain.at(-1)?.nid ?? 0), head?.state)
        assert.deepEqual(room.extremities, head?.extremities)
        assert.deepEqual(
          [room.joined.size, room.invited, room.summary.name, room.version.id],
          [1, 0, 'Kitchen', version],
        )
      }
      await dispose()
    })
  }

  test(`events built on one that could not be stored are made anew without it, and the room goes on (${kind.name})`, async () => {
    const { url, dispose } = await kind.open()
    {
      await using database = await openDatabase({ url, serverName })
      let refuse = false
      const failing: Database = {
        ...database,
        // A transaction whose every statement fails, as when the disk is full.
        write: (work) =>
          database.write((tx) => {
            const broken = refuse
            refuse = false
            return work(broken ? new Proxy(tx, {}) : tx)
          }),
      }
      const deps = await open(failing)
      const alice = await deps.who('alice')
      const room = await createRoom(deps, alice, {})
      const send = (body: string) =>
        deps.rooms.append(room, [{ type: 'm.room.message', sender: alice, content: { body } }])
      refuse = true
      const results = await Promise.allSettled([send('a'), send('b'), send('c')])
      assert.deepEqual(
        results.map((result) => result.status),
        ['rejected', 'fulfilled', 'fulfilled'],
      )
      const [stored] = await send('d')
      assert.ok(stored)
      const again = await deps.rooms.find(room.id)
      assert.deepEqual(
        again?.extremities.map((one) => one.id),
        [stored.event.id],
      )
      assert.equal(stored.event.prevEvents.length, 1)
      const before = await deps.rooms.events.byId(stored.event.prevEvents[0] ?? '')
      assert.notEqual(before, undefined)
    }
    await dispose()
  })
}

test('the state before any past event can be had, however many changes came after it', async () => {
  const { url, dispose } = await databases[0]!.open()
  {
    await using database = await openDatabase({ url, serverName })
    const deps = await open(database)
    const alice = await deps.who('alice')
    const room = await createRoom(deps, alice, {})
    const expected: Array<{ nid: number; state: Map<number, number> }> = []
    let rows = 0
    for (let i = 0; i < 400; i++) {
      const state = new Map(room.state)
      const [stored] = await deps.rooms.append(room, [
        { type: 'test.state', stateKey: String(i % 150), sender: alice, content: { i } },
      ])
      if (stored) expected.push({ nid: stored.nid, state })
    }
    const fresh = await open(database)
    for (const { nid, state } of expected) {
      const stored = await fresh.rooms.events.get(nid)
      assert.ok(stored)
      assert.deepEqual(await fresh.rooms.stateBefore(stored), state)
    }
    for (const row of await database.read.selectFrom('state_sets').select(['level', 'delta']).execute()) {
      assert.ok(row.level <= 3)
      rows += (JSON.parse(row.delta) as number[]).length / 2
    }
    assert.ok(rows < 400 * 40, `${rows} entries for 400 changes`)
  }
  await dispose()
})

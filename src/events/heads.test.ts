import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { databases } from '../../test/harness/postgres.ts'
import { findRoomVersion, defaultRoomVersion } from '../matrix/room-version.ts'
import { signingKey } from '../matrix/signing.ts'
import { openDatabase } from '../storage/index.ts'
import { openLog } from '../streams/index.ts'
import { createUsers } from '../users/index.ts'
import { openRooms, type Draft, type Room } from './index.ts'

const serverName = 'one.test'

for (const kind of databases) {
  test(`who holds a room that has left memory sends at its head all the same (${kind.name})`, async () => {
    const { url, dispose } = await kind.open()
    try {
      await using database = await openDatabase({ url, serverName, memory: 60_000 })
      const log = await openLog(database, (error) => {
        throw error
      })
      const now = (): number => Date.now()
      const users = createUsers({ database, log, serverName, now })
      const randomId = (): string => randomBytes(32).toString('base64url')
      const key = signingKey('1', Buffer.alloc(32, 7))
      const rooms = await openRooms({ database, log, users, serverName, signingKey: key, now, randomId })
      const alice = { nid: await users.intern('@alice:one.test'), userId: '@alice:one.test' }
      const version = findRoomVersion(defaultRoomVersion)
      assert.ok(version)
      const make = (): Promise<Room> =>
        rooms.make(version, [
          { type: 'm.room.create', stateKey: '', content: { room_version: version.id }, sender: alice },
          { type: 'm.room.member', stateKey: alice.userId, content: { membership: 'join' }, sender: alice },
        ])
      const message = (body: string): Draft => ({ type: 'm.room.message', content: { body }, sender: alice })

      const before = await make()
      for (let others = 0; others < 30; others++) await make()
      assert.equal(rooms.peek(before.nid), undefined, 'the room has left memory')
      const after = await rooms.byNid(before.nid)
      assert.ok(after && after !== before)
      const [first] = await rooms.append(after, [message('one')])
      const [second] = await rooms.append(before, [message('two')])
      assert.deepEqual(second?.event.prevEvents, [first?.event.id])
      log.close()
    } finally {
      await dispose()
    }
  })
}

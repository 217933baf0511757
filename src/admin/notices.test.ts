import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Client } from '../../test/harness/client.ts'
import { jwtConfig } from '../../test/harness/jwt.ts'
import { databases } from '../../test/harness/postgres.ts'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createHomeserver } from '../server/index.ts'

const enc = encodeURIComponent

for (const kind of databases) {
  test(`the server speaks to each in a room of its own, and that invitation cannot be turned down (${kind.name})`, async () => {
    const { url, dispose } = await kind.open()
    const folder = mkdtempSync(join(tmpdir(), 'latchkey-notices-'))
    try {
      await using server = await createHomeserver({
        server_name: 'test',
        database: url,
        data_dir: folder,
        listen: '127.0.0.1:0',
        rate_limits: 'off',
        jwt_config: jwtConfig,
        log: { level: 'silent' },
      })
      const [alice, bob] = [await new Client(server.url).login('alice'), await new Client(server.url).login('bob')]
      const tell = async (client: Client, text: string): Promise<void> => {
        await server.notices.send({ nid: await server.users.intern(client.userId), userId: client.userId }, text)
      }
      await tell(alice, 'The server goes down at noon.')
      await tell(bob, 'Hello Bob')
      const invited = Object.keys((await alice.sync()).rooms?.invite ?? {})
      const [room = ''] = invited
      assert.equal(invited.length, 1)
      assert.equal(
        await alice.refusal('POST', `/rooms/${enc(room)}/leave`, {}),
        '403 M_CANNOT_LEAVE_SERVER_NOTICE_ROOM',
      )
      assert.equal(
        await alice.refusal('PUT', `/rooms/${enc(room)}/state/m.room.member/${enc(alice.userId)}`, {
          membership: 'leave',
        }),
        '403 M_CANNOT_LEAVE_SERVER_NOTICE_ROOM',
      )
      await alice.join(room)
      const joined = (await alice.sync()).rooms?.join?.[room]
      assert.deepEqual(
        joined?.account_data?.events.map(({ type, content }) => [type, content]),
        [['m.tag', { tags: { 'm.server_notice': {} } }]],
      )
      assert.deepEqual(
        joined?.timeline.events
          .filter(({ type }) => type === 'm.room.message')
          .map(({ sender, content }) => [sender, content['body']]),
        [['@server-notices:test', 'The server goes down at noon.']],
      )
      assert.equal(
        await alice.refusal('PUT', `/rooms/${enc(room)}/send/m.room.message/t1`, { msgtype: 'm.text', body: 'why?' }),
        '403 M_FORBIDDEN',
      )
      await alice.leave(room)
      await tell(alice, 'It is up again.')
      assert.deepEqual(Object.keys((await alice.sync()).rooms?.invite ?? {}), [room])
      await assert.rejects(tell(alice, ' '), { errcode: 'M_INVALID_PARAM' })
    } finally {
      await dispose()
      rmSync(folder, { recursive: true, force: true })
    }
  })
}

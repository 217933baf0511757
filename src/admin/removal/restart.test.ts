import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Client } from '../../../test/harness/client.ts'
import { jwtConfig } from '../../../test/harness/jwt.ts'
import { until } from '../../../test/harness/person.ts'
import { databases } from '../../../test/harness/postgres.ts'
import { createHomeserver, type Homeserver } from '../../server/index.ts'
import { enc, ended, leftOf } from '../fixture.test.ts'

const api = '/_synapse/admin'

for (const kind of databases)
  test(`a removal that a stop interrupts goes on with the next start, and leaves nothing (${kind.name})`, async () => {
    const { url, dispose } = await kind.open()
    const start = (): Promise<Homeserver> =>
      createHomeserver({
        server_name: 'test',
        database: url,
        listen: '127.0.0.1:0',
        rate_limits: 'off',
        log: { level: 'silent' },
        jwt_config: jwtConfig,
      })
    const [people, messages] = [12, 700]
    let [room, other, task] = ['', '', '']
    let nid = 0
    const countIn = async ({ database }: Homeserver): Promise<number> =>
      (await database.read.selectFrom('events').where('room_nid', '=', nid).select('nid').execute()).length
    {
      await using server = await start()
      const root = await new Client(server.url).login('root')
      await server.users.setAdmin(await server.users.intern(root.userId), true)
      room = await root.createRoom({ preset: 'public_chat' })
      other = await root.createRoom()
      await root.send(other, 'stays')
      for (let count = 0; count < people; count++) await (await new Client(server.url).login(`p${count}`)).join(room)
      await Promise.all(Array.from({ length: messages }, (_, count) => root.send(room, `gone ${count}`)))
      nid = (await server.rooms.find(room))?.nid ?? 0
      assert.ok((await countIn(server)) > messages)
      task = String((await root.req('DELETE', `${api}/v2/rooms/${enc(room)}`, { block: true }))['delete_id'])
      // Somewhere between the first event that is gone and the last.
      await until('some of it is gone', async () => (await countIn(server)) < messages)
    }
    {
      await using server = await start()
      const root = await new Client(server.url).login('root')
      const status = await ended(root, `${api}/v2/rooms/delete_status/${task}`)
      assert.equal(status['status'], 'complete', JSON.stringify(status))
      const left = await leftOf(server.database, nid, room)
      assert.deepEqual(
        Object.entries(left).filter(([, count]) => count > 0),
        [],
      )
      const { chunk } = await root.req<{ chunk: { content: Record<string, unknown> }[] }>(
        'GET',
        `/rooms/${enc(other)}/messages?dir=b&limit=1`,
      )
      assert.equal(chunk[0]?.content['body'], 'stays')
      assert.match(await root.refusal('GET', `${api}/v1/rooms/${enc(room)}`), /^404 /)
    }
    await dispose()
  })

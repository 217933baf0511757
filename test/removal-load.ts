// `node test/removal-load.ts [EVENTS] [PURGED]`: a room of 100,000 events is deleted and 50,000 of another are purged while ten connections
// send. Says what sends took before and meanwhile; fails when one is lost, or when a row of the room is left. Bounded: it ends by itself.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createHomeserver } from '../src/server/index.ts'
import { openDatabase, vacuum } from '../src/storage/index.ts'
import { leftOf } from '../src/admin/fixture.test.ts'
import { Client } from './harness/client.ts'
import { jwtConfig } from './harness/jwt.ts'

const [events = 100_000, purged = 50_000] = process.argv.slice(2).map(Number)
const [fillers, senders] = [32, 10]
const folder = mkdtempSync(join(tmpdir(), 'latchkey-removal-'))
const url = `sqlite:${join(folder, 'latchkey.db')}`
const api = '/_synapse/admin'
const size = (): string => `${(statSync(join(folder, 'latchkey.db')).size / 1_000_000).toFixed(0)} MB`
const percentile = (list: number[], part: number): string =>
  `${([...list].sort((a, b) => a - b)[Math.floor(list.length * part)] ?? 0).toFixed(1)} ms`
const tell = (name: string, list: number[]): void =>
  console.log(
    `${name}: ${list.length} sends, half within ${percentile(list, 0.5)}, 19 of 20 within ${percentile(list, 0.95)}`,
  )

try {
  {
    await using server = await createHomeserver({
      server_name: 'test',
      database: url,
      data_dir: folder,
      listen: '127.0.0.1:0',
      rate_limits: 'off',
      log: { level: 'error' },
      jwt_config: jwtConfig,
    })
    const root = await new Client(server.url).login('root')
    await server.users.setAdmin(await server.users.intern(root.userId), true)
    const fill = async (room: string, count: number): Promise<void> => {
      let next = 0
      const one = async (): Promise<void> => {
        while (next++ < count) await root.send(room, `filling ${next}`)
      }
      await Promise.all(Array.from({ length: fillers }, one))
    }
    const [doomed, long] = [await root.createRoom(), await root.createRoom()]
    await fill(doomed, events)
    await fill(long, purged)
    const last = await root.send(long, 'the last')
    const nid = (await server.rooms.find(doomed))?.nid ?? 0
    console.log(`${events} and ${purged} events are there`)

    const people = await Promise.all(
      Array.from({ length: senders }, (_, index) => new Client(server.url).login(`sender${index}`)),
    )
    const room = await root.createRoom({ preset: 'public_chat' })
    for (const person of people) await person.join(room)
    const sent: string[] = []
    const sendWhile = async (goesOn: () => boolean): Promise<number[]> => {
      const took: number[] = []
      const one = async (person: Client): Promise<void> => {
        while (goesOn()) {
          const begun = performance.now()
          sent.push(await person.send(room, 'hello'))
          took.push(performance.now() - begun)
        }
      }
      await Promise.all(people.map(one))
      return took
    }
    let rounds = 5000
    tell('before', await sendWhile(() => rounds-- > 0))

    const { delete_id: deleting } = await root.req('DELETE', `${api}/v2/rooms/${encodeURIComponent(doomed)}`, {})
    const path = `${api}/v1/purge_history/${encodeURIComponent(long)}/${encodeURIComponent(last)}`
    const { purge_id: purging } = await root.req('POST', path, { delete_local_events: true })
    let isUnderWay = true
    const meanwhile = sendWhile(() => isUnderWay)
    const ended = async (at: string): Promise<void> => {
      for (;;) {
        const { status } = await root.req('GET', at)
        if (status === 'complete') return
        assert.ok(status === 'active' || status === 'scheduled', String(status))
        await new Promise((resolve) => setTimeout(resolve, 500))
      }
    }
    const begun = performance.now()
    await Promise.all([
      ended(`${api}/v2/rooms/delete_status/${String(deleting)}`),
      ended(`${api}/v1/purge_history_status/${String(purging)}`),
    ])
    console.log(`both took ${((performance.now() - begun) / 1000).toFixed(0)} s`)
    isUnderWay = false
    tell('meanwhile', await meanwhile)

    const there = new Set(
      (await server.database.read.selectFrom('events').select('event_id').execute()).map((row) => row.event_id),
    )
    assert.deepEqual(
      sent.filter((id) => !there.has(id)),
      [],
      'nothing that was acknowledged is lost',
    )
    assert.deepEqual(
      Object.entries(await leftOf(server.database, nid, doomed)).filter(([, count]) => count > 0),
      [],
    )
    const rest = await server.rooms.find(long)
    const kept = await server.database.read
      .selectFrom('events')
      .where('room_nid', '=', rest?.nid ?? 0)
      .select('nid')
      .execute()
    assert.ok(kept.length < 20, `${kept.length} events are left of the purged history`)
  }
  const before = size()
  {
    await using database = await openDatabase({ url, serverName: 'test' })
    await vacuum(database, url)
  }
  console.log(`no row is left; the database took ${before}, and takes ${size()} after "latchkey database vacuum"`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

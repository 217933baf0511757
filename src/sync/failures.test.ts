import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import { Client } from '../../test/harness/client.ts'
import { jwtConfig } from '../../test/harness/jwt.ts'
import { createHomeserver } from '../server/index.ts'
import { ids, joinedIn, pastOf, state, timeline } from './fixture.test.ts'

test('a room that cannot be told is left out and logged, and comes in full once it can be', async () => {
  const logged: string[] = []
  const logger = pino(
    { level: 'error' },
    {
      write: (line) => {
        logged.push(line)
      },
    },
  )
  await using server = await createHomeserver(
    {
      server_name: 'test',
      database: 'sqlite::memory:',
      listen: '127.0.0.1:0',
      rate_limits: 'off',
      jwt_config: jwtConfig,
    },
    { logger },
  )
  const [alice, bob] = [await new Client(server.url).login('alice'), await new Client(server.url).login('bob')]
  const broken = await alice.createRoom({ preset: 'public_chat', name: 'Broken' })
  const whole = await alice.createRoom({ preset: 'public_chat' })
  for (const room of [broken, whole]) await bob.join(room)
  const before = joinedIn(await bob.sync(), broken)
  const { timeline: read } = server.rooms
  const nid = (await server.rooms.find(broken))?.nid ?? assert.fail()
  const { byNid } = server.rooms
  const breaks = (is: boolean): unknown =>
    Object.assign(server.rooms, {
      timeline: is
        ? async (span: Parameters<typeof read>[0]) => {
            if (span.room === nid) throw new Error('broken')
            return read(span)
          }
        : read,
      byNid: is
        ? async (room: number) => {
            if (room === nid) throw new Error('broken')
            return byNid(room)
          }
        : byNid,
    })
  breaks(true)
  await alice.send(whole, 'fine')
  const lost = await alice.send(broken, 'told late')
  await alice.setState(broken, 'm.room.topic', { topic: 'told late' })
  const { since: old } = bob
  for (const since of [old, undefined]) {
    bob.since = since
    const body = await bob.sync()
    assert.deepEqual(timeline(joinedIn(body, whole)).at(-1), 'fine')
    assert.equal(body.rooms?.join?.[broken], undefined)
  }
  assert.equal(logged.filter((line) => line.includes('left out')).length, 2)
  const { since } = bob
  breaks(false)
  await alice.send(whole, 'more')
  for (const again of [since, since]) {
    bob.since = again
    const room = joinedIn(await bob.sync(), broken)
    assert.equal(room.timeline.limited, true)
    assert.ok([...state(room), ...timeline(room)].includes('name "Broken"'))
    const all = ids([...(await pastOf(bob, broken, room.timeline.prev_batch ?? '')), ...room.timeline.events])
    assert.ok(all.includes(lost) && ids(before.timeline.events).every((id) => all.includes(id)))
  }
  assert.equal((await bob.sync()).rooms, undefined, 'once it has come')
  breaks(true)
  await alice.send(broken, 'lost')
  assert.equal((await bob.sync()).rooms, undefined)
  breaks(false)
  assert.ok(
    timeline(joinedIn(await bob.sync({ timeout: 10_000 }), broken)).includes('lost'),
    'nothing else need happen',
  )
  assert.equal((await bob.sync()).rooms, undefined)
})

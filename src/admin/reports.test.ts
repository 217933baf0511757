import assert from 'node:assert/strict'
import { enc, over, type World } from './fixture.test.ts'

const reports = ({ warnings }: World): Record<string, unknown>[] =>
  warnings
    .filter((line) => line['msg'] === 'a user reports something')
    .map(({ reporter, target, room, reason }) => ({ reporter, target, ...(room !== undefined && { room }), reason }))

over('rooms, events and users are reported to the operator', async (world) => {
  const { alice, bob } = world
  const room = await alice.createRoom({ preset: 'public_chat' })
  await bob.join(room)
  const event = await alice.send(room, 'something bad')
  await bob.req('POST', `/rooms/${enc(room)}/report`, { reason: 'all of it' })
  await bob.req('POST', `/rooms/${enc(room)}/report/${enc(event)}`, { reason: 'this\u0000 one', score: -100 })
  await bob.req('POST', `/rooms/${enc(room)}/report/${enc(event)}`, {})
  await bob.req('POST', `/users/${enc(alice.userId)}/report`, { reason: '' })
  assert.deepEqual(reports(world), [
    { reporter: bob.userId, target: room, reason: 'all of it' },
    { reporter: bob.userId, target: event, room, reason: 'this one' },
    { reporter: bob.userId, target: event, room, reason: '' },
    { reporter: bob.userId, target: alice.userId, reason: '' },
  ])
})

over('an event is reported by members who see it, and a room by anybody, who learns nothing by it', async (world) => {
  const { alice, bob, carol } = world
  const room = await alice.createRoom({
    preset: 'public_chat',
    initial_state: [{ type: 'm.room.history_visibility', state_key: '', content: { history_visibility: 'joined' } }],
  })
  const [event, other] = [await alice.send(room, 'before bob came'), await alice.createRoom()]
  await bob.join(room)
  const path = `/rooms/${enc(room)}/report`
  assert.equal(await bob.refusal('POST', `${path}/${enc(event)}`, {}), '404 M_NOT_FOUND', 'not to be seen')
  assert.equal(await carol.refusal('POST', `${path}/${enc(event)}`, {}), '404 M_NOT_FOUND', 'not a member')
  assert.equal(
    await alice.refusal('POST', `/rooms/${enc(other)}/report/${enc(event)}`, {}),
    '404 M_NOT_FOUND',
    'of another room',
  )
  assert.equal(await alice.refusal('POST', `${path}/${enc('$unknown')}`, {}), '404 M_NOT_FOUND')
  assert.deepEqual(
    await carol.req('POST', `/rooms/${enc('!nowhere:test')}/report`, { reason: 'x' }),
    await carol.req('POST', path, { reason: 'x' }),
  )
  assert.equal(await carol.refusal('POST', path, {}), '400 M_MISSING_PARAM')
  assert.equal(await carol.refusal('POST', path, { reason: 'x'.repeat(10_001) }), '400 M_BAD_JSON')
  assert.equal(await carol.refusal('POST', `/users/${enc('@nobody:test')}/report`, { reason: 'x' }), '404 M_NOT_FOUND')
  assert.equal(reports(world).length, 1)
})

over('a user reports a hundred things a day', async ({ bob, server }) => {
  for (let count = 0; count <= 100; count++) await server.users.intern(`@u${count}:away.test`)
  for (let count = 0; count < 100; count++)
    await bob.req('POST', `/users/${enc(`@u${count}:away.test`)}/report`, { reason: '' })
  assert.equal(
    await bob.refusal('POST', `/users/${enc('@u100:away.test')}/report`, { reason: '' }),
    '429 M_LIMIT_EXCEEDED',
  )
})

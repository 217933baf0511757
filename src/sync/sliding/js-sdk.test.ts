// An unmodified client library on sliding sync.
import assert from 'node:assert/strict'
import { createClient, type MatrixClient } from 'matrix-js-sdk'
import { SlidingSync, SlidingSyncEvent, SlidingSyncState } from 'matrix-js-sdk/lib/sliding-sync.js'
import { until } from '../../../test/harness/person.ts'
import { over } from './fixture.test.ts'

over('matrix-js-sdk follows its rooms by sliding sync', async (world) => {
  const [alice, bob] = [await world.login('alice'), await world.login('bob')]
  const rooms: string[] = []
  for (let index = 0; index < 5; index++)
    rooms.push(await bob.createRoom({ name: `Room ${index}`, preset: 'public_chat' }))
  for (const room of rooms) await alice.join(room)
  const [low = '', high = ''] = [rooms[0], rooms[4]]
  const client: MatrixClient = createClient({
    baseUrl: world.url,
    userId: alice.userId,
    deviceId: alice.deviceId,
    accessToken: alice.token ?? '',
    timelineSupport: true,
  })
  const lists = new Map([
    [
      'all',
      {
        ranges: [[0, 1]],
        timeline_limit: 3,
        required_state: [
          ['m.room.name', ''],
          ['m.room.member', '$ME'],
          ['m.room.member', '$LAZY'],
        ],
      },
    ],
  ])
  const sliding = new SlidingSync(world.url, lists, { timeline_limit: 10, required_state: [['*', '*']] }, client, 2000)
  const refusals: unknown[] = []
  sliding.on(SlidingSyncEvent.Lifecycle, (state, _reply, error) => {
    if (state === SlidingSyncState.RequestFinished && error) refusals.push(error)
  })
  try {
    await client.startClient({ slidingSync: sliding })
    const room = await until('the newest room', () => client.getRoom(high))
    assert.equal(room.name, 'Room 4')
    assert.equal(client.getRoom(low), null)
    assert.deepEqual(sliding.getListData('all')?.joinedCount, 5)

    const message = await bob.send(low, 'hello')
    const lowRoom = await until('a room that comes up from below', () => client.getRoom(low))
    await until('its message', () =>
      lowRoom
        .getLiveTimeline()
        .getEvents()
        .some((event) => event.getId() === message),
    )
    assert.equal(lowRoom.getMember(bob.userId)?.membership, 'join')
    await until('an unread message', () => lowRoom.getUnreadNotificationCount() === 1)
    await alice.req('POST', `/rooms/${encodeURIComponent(low)}/receipt/m.read/${encodeURIComponent(message)}`, {})
    await until(
      'nothing unread',
      () => lowRoom.getUnreadNotificationCount() === 0 && lowRoom.hasUserReadEvent(alice.userId, message),
    )

    await bob.req('PUT', `/rooms/${encodeURIComponent(low)}/typing/${bob.userId}`, { typing: true, timeout: 20_000 })
    await until('bob typing', () => lowRoom.getMember(bob.userId)?.typing)
    await bob.setState(low, 'm.room.name', { name: 'Renamed' })
    await until('the new name', () => lowRoom.name === 'Renamed')
    await alice.req('PUT', `/user/${alice.userId}/rooms/${encodeURIComponent(low)}/tags/m.favourite`, { order: 0.5 })
    await until('the tag', () => lowRoom.tags['m.favourite'])

    const invited = await bob.createRoom({ name: 'Come in', invite: [alice.userId] })
    await until('an invitation', () => client.getRoom(invited)?.getMyMembership() === 'invite')
    await client.joinRoom(invited)
    await until('to be in', () => client.getRoom(invited)?.getMyMembership() === 'join')
    await bob.req('POST', `/rooms/${encodeURIComponent(invited)}/kick`, { user_id: alice.userId })
    await until('to be out', () => client.getRoom(invited)?.getMyMembership() === 'leave')
    assert.deepEqual(refusals, [])
  } finally {
    client.stopClient()
    sliding.stop()
  }
})

// Delayed events and search through an unmodified client library.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type EventType, type MsgType, Preset } from 'matrix-js-sdk'
import { enter, until, type Person } from './harness/person.ts'
import { databases } from './harness/postgres.ts'
import { startServer } from './harness/server.ts'

const message = 'm.room.message' as EventType.RoomMessage
const text = (body: string) => ({ msgtype: 'm.text' as MsgType.Text, body })

const bodies = (person: Person, roomId: string): unknown[] =>
  person
    .room(roomId)
    .getLiveTimeline()
    .getEvents()
    .filter((event) => event.getType() === 'm.room.message')
    .map((event) => event.getContent()['body'] as unknown)

for (const kind of databases) {
  test(`a client has events sent later, and finds them again (${kind.name})`, async () => {
    const { url, dispose } = await kind.open()
    {
      await using server = await startServer({ database: url, log: { level: 'silent' } })
      const people = [await enter(server.url, 'alice'), await enter(server.url, 'bob')] as const
      const [alice, bob] = people
      const { room_id: room } = await alice.client.createRoom({ preset: Preset.PublicChat, name: 'Later' })
      await bob.client.joinRoom(room)

      const soon = await alice.client._unstable_sendDelayedEvent(
        room,
        { delay: 500 },
        null,
        message,
        text('sent by itself'),
      )
      const long = { delay: 600_000 }
      const [cancelled, restarted, hurried] = [
        await alice.client._unstable_sendDelayedEvent(room, long, null, message, text('cancelled')),
        await alice.client._unstable_sendDelayedEvent(room, long, null, message, text('restarted')),
        await alice.client._unstable_sendDelayedStateEvent(room, long, 'm.room.topic' as EventType.RoomTopic, {
          topic: 'sent before its time',
        }),
      ]
      await alice.client._unstable_cancelScheduledDelayedEvent(cancelled.delay_id)
      await alice.client._unstable_restartScheduledDelayedEvent(restarted.delay_id)
      await alice.client._unstable_sendScheduledDelayedEvent(hurried.delay_id)
      await until('what was to be sent soon', () => bodies(bob, room).includes('sent by itself'))
      await until(
        'the topic',
        () =>
          bob.room(room).currentState.getStateEvents('m.room.topic', '')?.getContent()['topic'] ===
          'sent before its time',
      )
      await until(
        'that it was sent',
        async () => (await alice.client._unstable_getDelayedEvent(soon.delay_id)).finalised?.event_id,
      )
      const { scheduled = [] } = await alice.client._unstable_getDelayedEvents('scheduled')
      assert.deepEqual(
        scheduled.map(({ delay_id: id }) => id),
        [restarted.delay_id],
      )
      assert.equal((await alice.client._unstable_getDelayedEvent(cancelled.delay_id)).finalised?.error, undefined)

      for (let index = 0; index < 12; index++) await alice.client.sendMessage(room, text(`needle number ${index}`))
      const first = await bob.client.searchRoomEvents({ term: 'needle', filter: { limit: 5 } })
      assert.deepEqual([first.results.length, first.count, first.highlights], [5, 12, ['needle']])
      await bob.client.backPaginateRoomEventsSearch(first)
      await bob.client.backPaginateRoomEventsSearch(first)
      assert.deepEqual(
        first.results.map(({ context }) => String(context.getEvent().getContent()['body'])),
        Array.from({ length: 12 }, (_, index) => `needle number ${11 - index}`),
      )
      assert.deepEqual((await bob.client.searchRoomEvents({ term: 'itself' })).results.length, 1)
      for (const person of people) person.stop()
      assert.deepEqual(
        people.flatMap(({ faults }) => faults),
        [],
      )
    }
    await dispose()
  })
}

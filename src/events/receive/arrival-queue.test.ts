import assert from 'node:assert/strict'
import { test } from 'node:test'
import { databases } from '../../../test/harness/postgres.ts'
import { buildEvent } from '../../matrix/event-build.ts'
import { findRoomVersion } from '../../matrix/room-version.ts'
import { signingKey } from '../../matrix/signing.ts'
import { openDatabase } from '../../storage/index.ts'
import { standings, type StoredEvent } from '../stored-event.ts'
import { openArrivalQueue } from './arrival-queue.ts'
import type { ReceiveDeps } from './deps.ts'
import type { Incoming } from './pdu.ts'

const room = 7
const version = findRoomVersion('11')

function message(body: string): Incoming {
  assert.ok(version)
  const fields = { type: 'm.room.message', sender: '@a:one.test', roomId: '!r:one.test', content: { body } }
  const place = { prevEvents: [], authEvents: [], depth: 1, ts: 1 }
  return buildEvent({ ...fields, ...place }, version, 'one.test', signingKey('1', Buffer.alloc(32, 1)))
}

/** A queue on a clock of its own; `slow.test` takes ten seconds with each event. */
for (const kind of databases)
  test(`what a slow server sends waits for what others send, and for what is asked meanwhile (${kind.name})`, async () => {
    const { url, dispose } = await kind.open()
    try {
      await using database = await openDatabase({ url, serverName: 'two.test' })
      const taken: string[] = []
      let [time, isOpen] = [0, Promise.withResolvers<void>()]
      const deps = {
        database,
        now: () => time,
        heads: { get: () => Promise.resolve({ nid: room, id: '!r:one.test', version }) },
        logger: { info: () => {}, warn: () => {} },
      } as unknown as ReceiveDeps // the queue uses no more of them
      const take = async ({ event }: Incoming, origin: string): Promise<StoredEvent> => {
        await isOpen.promise
        if (origin === 'slow.test') time += 10_000
        taken.push(event.content['body'] as string) // as it was made
        return { standing: standings.accepted } as StoredEvent // nothing else of it is looked at
      }
      await using queue = await openArrivalQueue(deps, (_, incoming, origin) => take(incoming, origin))
      const add = (origin: string, ...bodies: string[]): Promise<void> =>
        queue.add(
          origin,
          bodies.map((body) => ({ room, incoming: message(body) })),
        )
      await add('slow.test', 's1', 's2', 's3', 's4')
      await add('quick.test', 'q1', 'q2')
      isOpen.resolve()
      await queue.inTurn(room, async () => void taken.push('asked'))
      await queue.settled(room)
      assert.deepEqual(taken.toSorted(), ['asked', 'q1', 'q2', 's1', 's2', 's3', 's4'])
      assert.equal(taken[0], 's1', 'nobody knows yet that it is slow')
      const at = (body: string): number => taken.indexOf(body)
      assert.ok(at('q1') < at('q2') && at('q2') < at('s2'), taken.join())
      assert.ok(at('asked') < at('s2'), taken.join())
      assert.ok(at('s2') < at('s3') && at('s3') < at('s4'), taken.join())
    } finally {
      await dispose()
    }
  })

test('one server does not take all places of a room', async () => {
  await using database = await openDatabase({ url: 'sqlite::memory:', serverName: 'two.test' })
  const deps = {
    database,
    now: () => 0,
    heads: { get: () => Promise.resolve({ nid: room, id: '!r:one.test', version }) },
    logger: { info: () => {}, warn: () => {} },
  } as unknown as ReceiveDeps // the queue uses no more of them
  const isOver = Promise.withResolvers<StoredEvent>()
  await using queue = await openArrivalQueue(deps, () => isOver.promise)
  const flood = Array.from({ length: 1001 }, (_, index) => ({ room, incoming: message(`${index}`) }))
  try {
    await queue.add('evil.test', flood)
    const refused = queue.add('evil.test', [{ room, incoming: message('more') }])
    await assert.rejects(refused, /Too much waits for this room/)
    await queue.add('good.test', [{ room, incoming: message('good') }])
  } finally {
    const closing = queue[Symbol.asyncDispose]()
    isOver.resolve({ standing: standings.accepted } as StoredEvent) // nothing else of it is looked at
    await closing
  }
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Client } from '../../test/harness/client.ts'
import { databases } from '../../test/harness/postgres.ts'
import { startServer } from '../../test/harness/server.ts'

interface Page {
  next_token?: string
  notifications: Array<{ event: { event_id: string }; room_id: string; read: boolean; actions: unknown[] }>
}

for (const kind of databases) {
  test(`notifications are listed over all rooms, newest first, page by page (${kind.name})`, async () => {
    const { url, dispose } = await kind.open()
    {
      await using server = await startServer({ database: url })
      const [alice, bob] = [await server.login('alice'), await server.login('bob')]
      const list = (query = '', who: Client = alice): Promise<Page> => who.req<Page>('GET', `/notifications${query}`)
      const rooms = [
        await bob.createRoom({ preset: 'public_chat' }),
        await bob.createRoom({ preset: 'public_chat' }),
        await bob.createRoom({ preset: 'public_chat' }),
      ]
      await bob.send(rooms[0] ?? '', 'before alice came')
      for (const room of rooms) await alice.join(room)
      assert.deepEqual(await list(), { notifications: [] })
      const sent: Array<{ event: string; room: string }> = []
      for (let index = 0; index < 70; index++) {
        const room = rooms[(index * index) % 3] ?? ''
        await bob.send(room, { msgtype: 'm.notice', body: 'of no interest' })
        await alice.send(room, 'mine')
        const content = {
          msgtype: 'm.text',
          body: `${index}`,
          ...(index % 10 === 0 && { 'm.mentions': { user_ids: [alice.userId] } }),
        }
        sent.unshift({ event: await bob.send(room, content), room })
      }
      const found: Page['notifications'] = []
      let pages = 0
      for (let token: string | undefined = ''; token !== undefined; pages++) {
        const page: Page = await list(`?limit=16${token === '' ? '' : `&from=${token}`}`)
        found.push(...page.notifications)
        token = page.next_token
      }
      assert.deepEqual(
        found.map(({ event, room_id: room }) => ({ event: event.event_id, room })),
        sent,
      )
      assert.ok(pages >= 5 && pages <= 6)
      const highlights = (await list('?only=highlight')).notifications
      assert.deepEqual(
        highlights.map(({ event }) => event.event_id),
        sent.filter((_, index) => (69 - index) % 10 === 0).map(({ event }) => event),
      )
      const [newest] = sent
      assert.ok(newest && found.every(({ read }) => !read))
      await alice.req(
        'POST',
        `/rooms/${encodeURIComponent(newest.room)}/receipt/m.read/${encodeURIComponent(newest.event)}`,
        {},
      )
      assert.ok(
        (await list('?limit=100')).notifications.every(({ room_id: room, read }) => read === (room === newest.room)),
      )
      await alice.leave(newest.room)
      assert.ok((await list('?limit=100')).notifications.every(({ room_id: room }) => room !== newest.room))
      assert.equal(await alice.refusal('GET', '/notifications?from=x'), '400 M_INVALID_PARAM')
    }
    await dispose()
  })
}

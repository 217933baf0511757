import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Client } from '../../test/harness/client.ts'
import { jwtConfig } from '../../test/harness/jwt.ts'
import { databases } from '../../test/harness/postgres.ts'
import { freePort, startCommand, startProcess } from '../../test/harness/process.ts'
import { startServer } from '../../test/harness/server.ts'
import { Bridge, enc, FakeService, until } from './fixture.test.ts'

for (const kind of databases) {
  test(`what happened while a service was away comes when it is back, across a restart of the server (${kind.name})`, async () => {
    const { url, dispose } = await kind.open()
    {
      await using irc = await new FakeService('irc').listen()
      const config = {
        database: url,
        app_service_config_files: [irc.registration()],
        log: { level: 'silent' as const },
      }
      let roomId = ''
      {
        await using server = await startServer(config)
        const bridge = new Bridge(server.url, irc)
        const [bob, eve] = [await bridge.ghost('_irc_bob'), await bridge.ghost('_irc_eve')]
        const alice = await server.login('alice')
        roomId = (await alice.req<{ room_id: string }>('POST', '/createRoom', { preset: 'public_chat' })).room_id
        const say = (text: string) =>
          alice.req('PUT', `/rooms/${enc(roomId)}/send/m.room.message/${text}`, { msgtype: 'm.text', body: text })
        await say('too early')
        await bridge.req('POST', `/join/${enc(roomId)}`, {}, bob)
        await until(() => irc.events.length === 1)
        await irc.deafen()
        for (const text of ['one', 'two']) await say(text)
        await alice.req('POST', `/rooms/${enc(roomId)}/kick`, { user_id: bob })
        await say('nobody is there')
        await bridge.req('POST', `/join/${enc(roomId)}`, {}, eve)
        await say('three')
      }
      await irc.listen()
      await using server = await startServer(config)
      await until(() => irc.texts.includes('three'))
      assert.deepEqual(irc.texts, ['one', 'two', 'three'], 'as the room was when each was sent')
      const alice = await server.login('alice')
      await alice.req('PUT', `/rooms/${enc(roomId)}/send/m.room.message/four`, { msgtype: 'm.text', body: 'four' })
      await until(() => irc.texts.includes('four'))
      assert.deepEqual(irc.texts, ['one', 'two', 'three', 'four'])
    }
    await dispose()
  })

  test(`a server that is killed again and again loses nothing, repeats nothing in other words, and keeps the order (${kind.name})`, async () => {
    const { url: database, dispose } = await kind.open()
    const folder = mkdtempSync(join(tmpdir(), 'latchkey-killed-'))
    {
      await using irc = await new FakeService('irc').listen()
      const port = await freePort()
      const url = `http://127.0.0.1:${port}`
      const command = startCommand(join(folder, 'latchkey.yaml'), {
        server_name: 'test',
        data_dir: folder,
        database,
        listen: `127.0.0.1:${port}`,
        rate_limits: 'off',
        jwt_config: jwtConfig,
        app_service_config_files: [irc.registration()],
        log: { level: 'silent' },
      })
      let server = await startProcess(url, command)
      const bridge = new Bridge(url, irc)
      const bob = await bridge.ghost('_irc_bob')
      let alice = await new Client(url).login('alice')
      const { room_id: roomId } = await alice.req<{ room_id: string }>('POST', '/createRoom', { preset: 'public_chat' })
      await bridge.req('POST', `/join/${enc(roomId)}`, {}, bob)
      // Sometimes the service is killed, too: it took the transaction, and nobody hears of it.
      let count = 0
      const cut = (): { status: number; json: unknown } | undefined =>
        ++count % 3 === 0 ? { status: 500, json: {} } : undefined
      irc.answer = cut
      const acknowledged: string[] = []
      for (let round = 0; round < 3; round++) {
        const sending = Array.from({ length: 60 }, async (_, index) => {
          const text = `${round}-${index}`
          const answer = await alice
            .ask('PUT', `/rooms/${enc(roomId)}/send/m.room.message/${text}`, { msgtype: 'm.text', body: text })
            .catch(() => undefined)
          if (answer?.status === 200) acknowledged.push(text)
        })
        await until(() => acknowledged.length >= round * 20 + 20)
        await server.end('SIGKILL')
        await Promise.allSettled(sending)
        server = await startProcess(url, command)
        alice = await new Client(url).login('alice')
      }
      await alice.req('PUT', `/rooms/${enc(roomId)}/send/m.room.message/end`, { msgtype: 'm.text', body: 'end' })
      await until(
        () => irc.texts.includes('end'),
        () => irc.texts.length,
      )
      const words = new Map<string, string>()
      for (const { path, body } of irc.asked.filter(({ method }) => method === 'PUT')) {
        assert.equal(words.get(path) ?? body, body, 'a transaction keeps its words')
        words.set(path, body)
      }
      const texts = [...new Map(irc.taken.map((one) => [one.id, one])).values()].flatMap(({ events }) => events)
      const ids = texts.map((event) => event.event_id)
      assert.equal(new Set(ids).size, ids.length, 'no event is in two transactions')
      const seen = new Set(texts.map(({ content }) => content['body']))
      for (const text of acknowledged) assert.ok(seen.has(text), `${text} was answered, and never told`)
      const { chunk } = await alice.req<{ chunk: Array<{ event_id: string; type: string }> }>(
        'GET',
        `/rooms/${enc(roomId)}/messages?dir=b&limit=500`,
      )
      const order = chunk
        .toReversed()
        .map((event) => event.event_id)
        .filter((id) => ids.includes(id))
      assert.deepEqual(ids, order)
      await server.end('SIGTERM')
    }
    rmSync(folder, { recursive: true, force: true })
    await dispose()
  })
}

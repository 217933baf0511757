// Kills the server again and again while people talk, and looks for what it had acknowledged.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Client, type ClientEvent } from './harness/client.ts'
import { jwtConfig } from './harness/jwt.ts'
import { databases } from './harness/postgres.ts'
import { freePort, startCommand, startProcess } from './harness/process.ts'

const kills = 12
const talkers = 6

/** What one person was told to be stored, in the order of being told. */
interface Ledger {
  client: Client
  roomId: string
  acknowledged: string[]
  messages: Map<string, string>
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Runs `ask` until the server gives an answer: a killed one gives none. */
async function insist<T>(ask: () => Promise<T>, goOn: () => boolean): Promise<T | undefined> {
  while (goOn()) {
    try {
      return await ask()
    } catch (error) {
      // `fetch` throws a TypeError for a broken connection; everything else is an answer that must not be.
      if (!(error instanceof TypeError)) throw error
      await pause(50)
    }
  }
  return undefined
}

/** Sends messages, repeating each under its transaction id until it is acknowledged, and sets state in between. */
async function talk({ client, roomId, acknowledged, messages }: Ledger, goOn: () => boolean): Promise<void> {
  const room = `/rooms/${encodeURIComponent(roomId)}`
  for (let turn = 0; goOn(); turn++) {
    const marker = `${client.userId} ${turn}`
    const asState = turn % 4 === 3
    const path = asState
      ? `${room}/state/test.counter/${encodeURIComponent(client.userId)}`
      : `${room}/send/m.room.message/t${turn}`
    const body = asState ? { turn } : { msgtype: 'm.text', body: marker }
    // The room may be told to whoever asks while it is killed, so a last message can be in without having been acknowledged.
    const answer = await insist(() => client.req<{ event_id: string }>('PUT', path, body), goOn)
    if (!answer) return
    acknowledged.push(answer.event_id)
    if (!asState) messages.set(marker, answer.event_id)
  }
}

/** Follows a room by incremental syncs, across every restart: the events in the order of being told. */
async function follow(client: Client, roomId: string, goOn: () => boolean): Promise<ClientEvent[]> {
  const seen: ClientEvent[] = []
  const filter = JSON.stringify({ room: { timeline: { limit: 5000 } }, presence: { types: [] } })
  for (;;) {
    const last = !goOn()
    const body = await insist(
      () => client.sync({ timeout: last ? 0 : 1000, filter }),
      () => true,
    )
    const timeline = body?.rooms?.join?.[roomId]?.timeline
    if (timeline?.limited && seen.length) throw new Error('no gap was to be expected')
    seen.push(...(timeline?.events ?? []))
    if (last) return seen
  }
}

/** The whole room, oldest first, page by page. */
async function history(client: Client, roomId: string): Promise<ClientEvent[]> {
  const events: ClientEvent[] = []
  for (let from = ''; ;) {
    const page: { chunk: ClientEvent[]; end?: string } = await client.req(
      'GET',
      `/rooms/${encodeURIComponent(roomId)}/messages?dir=b&limit=500${from && `&from=${encodeURIComponent(from)}`}`,
    )
    events.push(...page.chunk)
    if (page.end === undefined) return events.reverse()
    from = page.end
  }
}

for (const db of databases) {
  test(`nothing acknowledged is lost or doubled when the server is killed again and again (${db.name})`, async () => {
    const database = await db.open()
    const home = mkdtempSync(join(tmpdir(), 'latchkey-crash-'))
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    const command = startCommand(join(home, 'latchkey.yaml'), {
      server_name: 'test',
      listen: `127.0.0.1:${port}`,
      data_dir: join(home, 'data'),
      database: database.url,
      rate_limits: 'off',
      jwt_config: jwtConfig,
    })
    let server = await startProcess(url, command)
    try {
      const people: Client[] = []
      for (let index = 0; index < talkers; index++) people.push(await new Client(url).login(`talker${index}`))
      const [first, second] = people
      assert.ok(first && second)
      const rooms = [
        await first.createRoom({
          preset: 'public_chat',
          power_level_content_override: { events: { 'test.counter': 0 } },
        }),
        await second.createRoom({
          preset: 'public_chat',
          power_level_content_override: { events: { 'test.counter': 0 } },
        }),
      ]
      for (const client of people) for (const roomId of rooms) await client.join(roomId)
      const state = { talking: true, following: true }
      const goOn = (): boolean => state.talking
      const ledgers = people.map((client, index): Ledger => ({
        client,
        roomId: rooms[index % 2] ?? '',
        acknowledged: [],
        messages: new Map(),
      }))
      const total = (): number => ledgers.reduce((sum, ledger) => sum + ledger.acknowledged.length, 0)
      const talking = Promise.all(ledgers.map((ledger) => talk(ledger, goOn)))
      const watchers = await Promise.all(rooms.map(() => new Client(url).login('talker0')))
      const following = Promise.all(
        watchers.map((client, index) => follow(client, rooms[index] ?? '', () => state.following)),
      )
      for (const work of [talking, following])
        work.catch(() => {
          state.talking = state.following = false
        })
      for (let round = 0; round < kills && state.talking; round++) {
        // However slow the machine: each kill comes in the midst of talk that was being answered.
        const before = total()
        for (let waited = 0; total() < before + 2 * talkers && waited < 20_000 && state.talking; waited += 20)
          await pause(20)
        await pause(Math.random() * 400)
        await server.end('SIGKILL')
        server = await startProcess(url, command)
      }
      await pause(200)
      state.talking = false
      await talking
      state.following = false
      const told = await following

      for (const [index, roomId] of rooms.entries()) {
        const mine = ledgers.filter((ledger) => ledger.roomId === roomId)
        const events = await history(first, roomId)
        const ids = events.map((event) => event.event_id)
        const place = new Map(ids.map((id, at) => [id, at]))
        assert.equal(place.size, ids.length, 'no event is there twice')
        for (const { acknowledged, messages, client } of mine) {
          const places = acknowledged.map((id) => place.get(id) ?? assert.fail(`${id} was acknowledged and is lost`))
          assert.deepEqual(
            places,
            [...places].sort((a, b) => a - b),
            'what one person did stands in its order',
          )
          const bodies = events
            .filter((event) => event.sender === client.userId && event.type === 'm.room.message')
            .map((event) => String(event.content['body']))
          assert.equal(new Set(bodies).size, bodies.length, 'no repeated transaction is there twice')
          for (const [marker, id] of messages) {
            assert.equal(
              events[place.get(id) ?? -1]?.content['body'],
              marker,
              'an acknowledged id names the message that was sent',
            )
          }
          const last = events.findLast((event) => event.type === 'test.counter' && event.state_key === client.userId)
          const path = `/rooms/${encodeURIComponent(roomId)}/state/test.counter/${encodeURIComponent(client.userId)}`
          if (last) assert.deepEqual(await client.req('GET', path), last.content, 'the state is what was set last')
        }
        for (const client of people)
          assert.deepEqual(
            (await history(client, roomId)).map((event) => event.event_id),
            ids,
            'everybody has one order',
          )
        const live = (told[index] ?? []).map((event) => event.event_id)
        assert.deepEqual(
          live,
          ids.slice(ids.indexOf(live[0] ?? '')),
          'whoever followed it live was told the same, in the same order',
        )
      }
      assert.ok(total() > kills * talkers, `something was under way at each kill (${total()} acknowledged)`)
    } finally {
      await server.end('SIGKILL')
      rmSync(home, { recursive: true, force: true })
      await database.dispose()
    }
  })
}

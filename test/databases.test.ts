// Databases that earlier versions made are opened, and people go on with what they had. Each is a whole small server's, of the day in its
// name: SQLite's file, and PostgreSQL's rows as SQL.
import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import pg from 'pg'
import { createHomeserver } from '../src/server/index.ts'
import { Client } from './harness/client.ts'
import { databases } from './harness/postgres.ts'

const folder = join(import.meta.dirname, 'databases')
const days = readdirSync(folder).flatMap((name) => /^(.*)\.sqlite\.gz$/.exec(name)?.[1] ?? [])
const unpacked = (name: string): Buffer => gunzipSync(readFileSync(join(folder, name)))

/** Puts what is in a dump into an empty database. */
async function restore(kind: 'sqlite' | 'postgres', day: string, url: string): Promise<void> {
  if (kind === 'sqlite') {
    writeFileSync(url.slice('sqlite:'.length), unpacked(`${day}.sqlite.gz`))
    return
  }
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(unpacked(`${day}.postgres.sql.gz`).toString())
  await client.end()
}

for (const { name: kind, open } of databases) {
  for (const day of days) {
    test(`a database of ${day} is opened, and its people go on (${kind})`, async () => {
      const { url, dispose } = await open()
      const dataDir = mkdtempSync(join(tmpdir(), 'latchkey-old-'))
      try {
        await restore(kind, day, url)
        copyFileSync(join(folder, `${day}.${kind}.signing.key`), join(dataDir, 'signing.key'))
        // The second time everything is as this version makes it.
        for (const round of [1, 2]) {
          await using server = await createHomeserver({
            server_name: 'old.test',
            database: url,
            data_dir: dataDir,
            listen: '127.0.0.1:0',
            rate_limits: 'off',
            log: { level: 'silent' },
          })
          await goOn(new Client(server.url), new Client(server.url), round)
        }
      } finally {
        rmSync(dataDir, { recursive: true })
        await dispose()
      }
    })
  }
}

/** What Alice and Bob had, and what they do next. */
async function goOn(alice: Client, bob: Client, round: number): Promise<void> {
  for (const [client, name] of [
    [alice, 'alice'],
    [bob, 'bob'],
  ] as const) {
    const body = await client.req<{ access_token: string; user_id: string; device_id: string }>('POST', '/login', {
      type: 'm.login.password',
      identifier: { type: 'm.id.user', user: name },
      password: `password of ${name}`,
    })
    Object.assign(client, { token: body.access_token, userId: body.user_id, deviceId: body.device_id })
  }
  const note = await alice.req('GET', `/user/${encodeURIComponent(alice.userId)}/account_data/test.note`)
  assert.deepEqual(note, { text: 'kept' })
  const { room_id: roomId } = await alice.req<{ room_id: string }>(
    'GET',
    `/directory/room/${encodeURIComponent('#old:old.test')}`,
  )
  await bob.send(roomId, `new message ${round}`)
  const room = `/rooms/${encodeURIComponent(roomId)}`
  const { chunk } = await alice.req<{ chunk: { content: { body?: string } }[] }>(
    'GET',
    `${room}/messages?dir=b&limit=100`,
  )
  const said = chunk.flatMap(({ content }) => content.body ?? []).reverse()
  const old = Array.from({ length: 5 }, (_, index) => `old message ${index}`)
  assert.deepEqual(said, [...old, ...Array.from({ length: round }, (_, index) => `new message ${index + 1}`)])
  const synced = await alice.sync()
  assert.ok(synced.rooms?.join?.[roomId])
  assert.equal((await bob.req<{ pushers: unknown[] }>('GET', '/pushers')).pushers.length, 1)
  // What came later has its tables too.
  await alice.req('POST', '/search', { search_categories: { room_events: { search_term: 'message' } } })
  await bob.req('GET', '/notifications')
}

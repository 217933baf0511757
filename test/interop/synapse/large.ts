// A large Synapse, moved: `node test/interop/synapse/large.ts [--users 2000] [--messages 100000] [--minutes 60] [--postgres]`. Fills one through
// its API, moves it, and prints how much there was, how long the import took and what memory. Not a test: it takes as long as Synapse takes.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { freshDatabase } from '../../harness/postgres.ts'
import { ask, register, type Person } from './fill.ts'
import { move } from './moved.ts'
import { startSynapse } from './source.ts'

const { values } = parseArgs({
  options: {
    users: { type: 'string', default: '2000' },
    messages: { type: 'string', default: '100000' },
    minutes: { type: 'string', default: '60' },
    postgres: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
})
const serverName = 'syn.test'
const enc = encodeURIComponent
const atOnce = 6
const folder = mkdtempSync(join(tmpdir(), 'latchkey-large-'))
const postgres = values.postgres ? await freshDatabase() : undefined
const settings = { bcrypt_rounds: 4, presence: { enabled: false } }
const synapse = await startSynapse({ folder: join(folder, 'synapse'), serverName, settings, postgres: postgres?.url })
const end = Date.now() + Number(values.minutes) * 60_000
const say = (text: string): void => console.log(`${new Date().toISOString().slice(11, 19)} ${text}`)

/** Does something so many times, several at once, until the time is over; returns how often it was done. */
async function many(count: number, work: (index: number) => Promise<void>): Promise<number> {
  let next = 0
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (next < count && Date.now() < end) await work(next++)
    }),
  )
  return next
}

try {
  const people: Person[] = []
  await many(Number(values.users), async (index) => void people.push(await register(synapse, `user${index}`)))
  say(`${people.length} accounts`)
  const owner = people[0] as Person
  const rooms: string[] = []
  const everybody = Math.max(20, Math.ceil(people.length / 20))
  await many(everybody, async (index) => {
    const { room_id: room } = await ask<{ room_id: string }>(synapse.url, owner.token, 'POST', '/createRoom', {
      preset: 'public_chat',
      name: `Room ${index}`,
    })
    rooms.push(room)
  })
  const join_ = (person: Person, room: string): Promise<unknown> =>
    ask(synapse.url, person.token, 'POST', `/rooms/${enc(room)}/join`, {})
  // Each in two rooms, and as many in the first one as there is time for in a quarter of it.
  await many(people.length, async (index) => {
    await join_(people[index] as Person, rooms[index % rooms.length] ?? '')
    if (index % 4 === 0) await join_(people[index] as Person, rooms[0] ?? '')
  })
  say(`${rooms.length} rooms, with members`)
  const sent = await many(Number(values.messages), async (index) => {
    const person = people[index % people.length] as Person
    const room = rooms[(index % people.length) % rooms.length] ?? ''
    await ask(synapse.url, person.token, 'PUT', `/rooms/${enc(room)}/send/m.room.message/t${index}`, {
      msgtype: 'm.text',
      body: `message ${index}, of which there are many`,
    })
    if (index % 5000 === 0) say(`${index} messages`)
  })
  say(`${sent} messages`)
  await synapse.stop()
  const options = { synapseConfig: synapse.config, folder, database: 'sqlite:latchkey.db' }
  for (const pass of ['first', 'second']) {
    const begun = performance.now()
    const { code, out } = await move(options, serverName)
    say(`the ${pass} pass took ${Math.round((performance.now() - begun) / 1000)} s and ended with ${code}\n${out}`)
  }
} finally {
  await synapse.stop()
  await postgres?.dispose()
  if (values.keep) say(folder)
  else rmSync(folder, { recursive: true, force: true })
}
process.exit(0)

// A client that does nothing but apply one incremental answer after the other must end where a fresh one begins.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Client, ClientEvent, SyncBody, SyncRoom } from '../../test/harness/client.ts'
import { databases } from '../../test/harness/postgres.ts'
import { startServer, type TestServer } from '../../test/harness/server.ts'
import { inRoom } from './fixture.test.ts'

const names = ['alice', 'bob', 'carol'] as const
const visibilities = ['shared', 'joined', 'invited', 'world_readable'] as const

const kinds = [
  'send',
  'send',
  'send',
  'send',
  'burst',
  'name',
  'topic',
  'profile',
  'redact',
  'read',
  'read privately',
  'join',
  'join',
  'join',
  'leave',
  'invite',
  'invite',
  'kick',
  'ban',
  'unban',
  'knock',
  'sync',
  'sync',
  'sync',
  'sync',
] as const
type Kind = (typeof kinds)[number] | 'restart'

interface Step {
  kind: Kind
  by: number
  room: number
  on: number
  pick: number
}

const step = (kind: fc.Arbitrary<Kind>): fc.Arbitrary<Step> =>
  fc.record({ kind, by: fc.nat(2), room: fc.nat(2), on: fc.nat(2), pick: fc.nat(1000) })
const steps = fc.array(
  fc.oneof(
    { weight: 60, arbitrary: step(fc.constantFrom(...kinds)) },
    { weight: 1, arbitrary: step(fc.constant('restart')) },
  ),
  { minLength: 60, maxLength: 120, size: 'max' },
)

/** A room as a client has it that believes what syncs say. */
class KnownRoom {
  state = new Map<string, string>()
  readonly seen = new Set<string>()
  /** How stays ended, and what became of who was out: one is told of it, and need not see it in the history later. */
  readonly farewells = new Set<string>()
  counts = ''
  summary: Record<string, unknown> = {}

  apply({
    state,
    timeline,
    summary,
    unread_notifications: counts,
    ...rest
  }: SyncRoom & { state_after?: { events: ClientEvent[] } }): void {
    for (const event of [
      ...(state?.events ?? []),
      ...(rest.state_after?.events ?? []),
      ...(rest.state_after ? [] : timeline.events),
    ]) {
      if (event.state_key !== undefined) this.state.set(`${event.type} ${event.state_key}`, event.event_id)
    }
    this.summary = { ...this.summary, ...summary }
    if (counts) this.counts = JSON.stringify(counts)
  }
}

/** What is wanted of syncs: few or many events, of all types or not, and state before or after them. */
interface Habit {
  limit: number
  types: object
  after: boolean
  lazy: boolean
}

class Model {
  readonly client: Client
  readonly habit: Habit
  joined = new Map<string, KnownRoom>()
  left = new Map<string, KnownRoom>()
  invited = new Set<string>()
  knocked = new Set<string>()

  constructor(client: Client, habit: Habit) {
    this.client = client
    this.habit = habit
  }

  async sync(): Promise<SyncBody> {
    const { limit, types, after, lazy } = this.habit
    const filter = JSON.stringify({
      room: {
        timeline: { limit, ...types },
        state: { lazy_load_members: lazy },
        include_leave: this.client.since === undefined,
      },
      presence: { types: [] },
    })
    const body = await this.client.sync({ filter, use_state_after: after })
    const { join: joins = {}, leave = {}, invite = {}, knock = {} } = body.rooms ?? {}
    for (const roomId of Object.keys({ ...joins, ...leave, ...invite, ...knock })) {
      for (const set of [this.invited, this.knocked]) set.delete(roomId)
      const known = this.joined.get(roomId) ?? this.left.get(roomId) ?? new KnownRoom()
      for (const map of [this.joined, this.left]) map.delete(roomId)
      if (roomId in invite) this.invited.add(roomId)
      if (roomId in knock) this.knocked.add(roomId)
      const told = joins[roomId] ?? leave[roomId]
      if (told) await this.take(known, roomId, told)
      for (const { type, state_key: key, event_id: id } of leave[roomId]?.timeline.events ?? []) {
        if (type === 'm.room.member' && key === this.client.userId) known.farewells.add(id)
      }
      if (told || known.state.size > 0) (roomId in joins ? this.joined : this.left).set(roomId, known)
    }
    return body
  }

  /** An event comes once, unless the answer says that there is a gap; then the rest is to be had from there. */
  async take(known: KnownRoom, roomId: string, told: SyncRoom): Promise<void> {
    known.apply(told)
    const sent = told.timeline.events.map((event) => event.event_id)
    assert.equal(new Set(sent).size, sent.length, 'twice in one answer')
    if (told.timeline.limited) for (const id of await this.gap(known, roomId, told)) known.seen.add(id)
    else for (const id of sent) assert.ok(!known.seen.has(id), `${id} came again, and no word of a gap`)
    for (const id of sent) known.seen.add(id)
  }

  async gap(known: KnownRoom, roomId: string, { timeline }: SyncRoom): Promise<string[]> {
    const found: string[] = []
    const filter = encodeURIComponent(JSON.stringify(this.habit.types))
    for (let from = timeline.prev_batch; from !== undefined;) {
      const page: { chunk: ClientEvent[]; end?: string } = await this.client.req(
        'GET',
        inRoom(roomId, `/messages?dir=b&limit=20&filter=${filter}&from=${from}`),
      )
      for (const { event_id: id } of page.chunk) {
        assert.ok(
          !found.includes(id) && !timeline.events.some((event) => event.event_id === id),
          'a page repeats what is known',
        )
        found.push(id)
      }
      from = page.chunk.some(({ event_id: id }) => known.seen.has(id) && !known.farewells.has(id))
        ? undefined
        : page.end
    }
    return found
  }

  /** What is left to compare. The members of a lazy client are as they come. */
  snapshot(): unknown {
    const roomOf = ([roomId, { state, counts, summary }]: [string, KnownRoom], isJoined: boolean): unknown => [
      roomId,
      {
        state: [...state]
          .filter(([key]) => !this.habit.lazy || !key.startsWith('m.room.member '))
          .map((pair) => pair.join(' '))
          .toSorted(),
        ...(isJoined && { counts, members: [summary['m.joined_member_count'], summary['m.invited_member_count']] }),
      },
    ]
    return {
      joined: [...this.joined].toSorted(([a], [b]) => (a < b ? -1 : 1)).map((one) => roomOf(one, true)),
      left: [...this.left]
        .filter(([roomId, { state }]) => state.size > 1 && !this.invited.has(roomId) && !this.knocked.has(roomId))
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map((one) => roomOf(one, false)),
      invited: [...this.invited].toSorted(),
      knocked: [...this.knocked].toSorted(),
    }
  }
}

const habitFrom = (pick: number): Habit => ({
  limit: [2, 5, 60][pick % 3] ?? 10,
  types: pick % 7 < 3 ? { not_types: ['m.room.name', 'm.room.topic'] } : {},
  after: pick % 5 === 0,
  lazy: pick % 4 === 0,
})

async function run(url: string, folder: string, list: readonly Step[]): Promise<void> {
  const start = (listen: string): Promise<TestServer> =>
    startServer({ database: url, data_dir: folder, listen, presence: false })
  let server = await start('127.0.0.1:0')
  const { host } = new URL(server.url)
  try {
    const clients: Client[] = []
    for (const name of names) clients.push(await server.login(name))
    const of = (index: number): Client => clients[index] ?? assert.fail()
    const models = clients.map((client, index) => new Model(client, habitFrom(list[index + 3]?.pick ?? 0)))
    for (const model of models) await model.sync()
    const rooms: string[] = []
    for (const index of [0, 1, 2]) {
      rooms.push(
        await of(index).createRoom({
          preset: index === 1 ? 'private_chat' : 'public_chat',
          power_level_content_override: { users_default: index === 2 ? 100 : 0 },
          initial_state: [
            {
              type: 'm.room.history_visibility',
              state_key: '',
              content: { history_visibility: visibilities[(list[index]?.pick ?? 0) % 4] },
            },
          ],
        }),
      )
    }
    const sent: Array<{ room: string; id: string }> = []
    for (const [count, { kind, by, room: at, on, pick }] of list.entries()) {
      const [client, room, target] = [of(by), rooms[at] ?? assert.fail(), of(on)]
      const post = (what: string, body: object): Promise<unknown> => client.ask('POST', inRoom(room, `/${what}`), body)
      const put = async (rest: string, body: object): Promise<void> => {
        const answer = await client.ask<{ event_id?: string }>('PUT', inRoom(room, rest), body)
        if (answer.body.event_id !== undefined) sent.push({ room, id: answer.body.event_id })
      }
      const text = {
        msgtype: 'm.text',
        body: `text ${count}`,
        ...(pick % 3 === 0 && { 'm.mentions': { user_ids: [target.userId] } }),
      }
      const event = sent[pick % sent.length]
      if (kind === 'send') await put(`/send/m.room.message/t${count}`, text)
      if (kind === 'burst')
        for (let more = 0; more < 7; more++) await put(`/send/m.room.message/t${count}.${more}`, text)
      if (kind === 'name')
        await put('/state/m.room.name/', pick % 4 === 0 ? { name: 5 } : { name: pick % 4 === 1 ? '' : `name ${count}` })
      if (kind === 'topic') await put('/state/m.room.topic/', { topic: `topic ${count}` })
      if (kind === 'profile')
        await put(`/state/m.room.member/${encodeURIComponent(client.userId)}`, {
          membership: 'join',
          displayname: `${count}`,
        })
      if (kind === 'redact' && event?.room === room) await put(`/redact/${encodeURIComponent(event.id)}/t${count}`, {})
      if (kind === 'read' && event?.room === room) await post(`receipt/m.read/${encodeURIComponent(event.id)}`, {})
      if (kind === 'read privately' && event?.room === room)
        await post(`receipt/m.read.private/${encodeURIComponent(event.id)}`, {})
      if (kind === 'join') await post('join', {})
      if (kind === 'leave') await post('leave', {})
      if (kind === 'knock') await client.ask('POST', `/knock/${encodeURIComponent(room)}`, {})
      if (kind === 'invite' || kind === 'kick' || kind === 'ban' || kind === 'unban')
        await post(kind, { user_id: target.userId })
      if (kind === 'sync') await models[by]?.sync()
      if (kind === 'restart') {
        await server[Symbol.asyncDispose]()
        server = await start(host)
      }
    }
    for (const [index, model] of models.entries()) await compare(server, model, names[index] ?? '')
  } finally {
    await server[Symbol.asyncDispose]()
  }
}

async function compare(server: TestServer, model: Model, name: string): Promise<void> {
  await model.sync()
  assert.equal((await model.sync()).rooms, undefined, 'the second answer has nothing new')
  const fresh = new Model(await server.login(name), model.habit)
  await fresh.sync()
  assert.deepEqual(model.snapshot(), fresh.snapshot(), name)
  for (const [roomId, known] of model.joined) {
    const begun = fresh.joined.get(roomId)
    const seen = [...known.seen].filter((id) => begun?.seen.has(id) || !known.farewells.has(id))
    assert.deepEqual(
      seen.toSorted(),
      [...(begun?.seen ?? [])].toSorted(),
      `${name} has had all that there is of ${roomId}`,
    )
    const heroes = begun?.summary['m.heroes']
    if (heroes) assert.deepEqual(known.summary['m.heroes'], heroes)
  }
}

for (const db of databases) {
  test(`whatever happens, incremental answers lead to where a fresh client begins (${db.name})`, async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (list) => {
        const database = await db.open()
        const folder = mkdtempSync(join(tmpdir(), 'latchkey-sync-'))
        try {
          await run(database.url, folder, list)
        } finally {
          await database.dispose()
          rmSync(folder, { recursive: true, force: true })
        }
      }),
      { numRuns: 6, endOnFailure: true },
    )
  })
}

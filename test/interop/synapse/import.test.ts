// Moving in from a real Synapse.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Homeserver } from '../../../src/server/index.ts'
import { databases, freshDatabase, server } from '../../harness/postgres.ts'
import { ask, fill, png, type Filled, type Json, type Person } from './fill.ts'
import { fillMore, personAsSeen, type More } from './fill-more.ts'
import { move, seen, startMoved } from './moved.ts'
import { readSecrets, tellSecrets, type Secret } from './secrets.ts'
import { python, startSynapse, withoutSynapse } from './source.ts'

if (python === undefined) console.log(withoutSynapse)
const skip = python === undefined
const serverName = 'syn.test'
const enc = encodeURIComponent

const sources = ['sqlite', ...('skipped' in server ? [] : ['postgres'])]

/** What was there before the move. */
interface Before {
  readonly filled: Filled
  readonly more: More
  readonly secret: Secret
  readonly witnesses: Person[]
  readonly rooms: Record<string, Json>
  readonly person: Json
}

const refusal = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'not refused',
    (error: Error) => error.message,
  )

const signIn = (url: string, { name, password }: Person): Promise<{ user_id: string }> =>
  ask<{ user_id: string }>(url, undefined, 'POST', '/login', {
    type: 'm.login.password',
    identifier: { type: 'm.id.user', user: name },
    password,
  })

async function check({ url }: Homeserver, before: Before): Promise<void> {
  const { filled, more, witnesses } = before
  const owner = filled.people[0] as Person
  // With the tokens that Synapse gave out: rooms, and everything beside them.
  assert.deepEqual(await personAsSeen(url, filled, more), before.person)
  assert.deepEqual(await seen(url, filled, witnesses), before.rooms)

  // A client goes on from its last sync, and is given just what is new.
  const sync = await ask<{ rooms: { join: Record<string, { timeline: { events: Json[]; limited: boolean } }> } }>(
    url,
    owner.token,
    'GET',
    `/sync?since=${more.since}&timeout=0`,
  )
  const { timeline } = sync.rooms.join[filled.rooms['room0'] ?? ''] ?? { timeline: { events: [], limited: true } }
  assert.deepEqual([timeline.events.map((event) => event['event_id']), timeline.limited], [[more.after], false])
  const friend = filled.people[1] as Person
  const first = await ask<{ rooms: { invite: Json; knock: Json } }>(url, friend.token, 'GET', '/sync?timeout=0')
  assert.ok(more.invited in first.rooms.invite)
  assert.ok(more.knocked in first.rooms.knock)
  assert.equal(
    ((await ask(url, owner.token, 'GET', `/user/${enc(owner.userId)}/filter/${more.filter}`))['room'] as Json)[
      'timeline'
    ] !== undefined,
    true,
  )

  // By password, twice: the first sign-in makes a hash of our own.
  for (const _ of [1, 2]) assert.equal((await signIn(url, owner)).user_id, owner.userId)
  for (const person of [more.gone, more.erased]) assert.match(await refusal(signIn(url, person)), /403/)
  assert.match(await refusal(signIn(url, more.locked)), /M_USER_LOCKED/)

  // A session that is refreshed.
  const fresh = await ask<{ access_token: string; refresh_token: string }>(url, undefined, 'POST', '/refresh', {
    refresh_token: more.refreshed.refreshToken,
  })
  assert.equal((await ask(url, fresh.access_token, 'GET', '/account/whoami'))['device_id'], 'REFRESHING')

  // Files.
  const file = await fetch(`${url}/_matrix/client/v1/media/download/${serverName}/${more.media}`, {
    headers: { authorization: `Bearer ${owner.token}` },
  })
  assert.deepEqual(Buffer.from(await file.arrayBuffer()), Buffer.from(png(400, 300, 99)))
  const kept = `/_matrix/client/v1/media/download/${serverName}/${more.quarantined}`
  assert.match(await refusal(ask(url, owner.token, 'GET', kept)), /404/)

  await readSecrets(url, before.secret)
  // And life goes on.
  const room = `/rooms/${enc(filled.rooms['room0'] ?? '')}`
  await ask(url, friend.token, 'PUT', `${room}/send/m.room.message/new`, { msgtype: 'm.text', body: 'after the move' })
}

for (const from of sources)
  test(`everybody goes on after the move (Synapse on ${from})`, { skip }, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'latchkey-import-'))
    const postgres = from === 'postgres' ? await freshDatabase() : undefined
    const synapse = await startSynapse({ folder: join(folder, 'synapse'), serverName, postgres: postgres?.url })
    try {
      const secret = await tellSecrets(synapse.url)
      const filled = await fill(synapse, serverName, { users: 8, rooms: 12, messages: 120 })
      const more = await fillMore(synapse, filled)
      const witnesses = filled.people.slice(0, 4)
      const rooms = await seen(synapse.url, filled, witnesses)
      const person = await personAsSeen(synapse.url, filled, more)
      const before: Before = { filled, more, secret, witnesses, rooms, person }
      await synapse.stop()

      for (const target of databases)
        await t.test(`to ${target.name}`, async () => {
          const { url, dispose } = await target.open()
          const options = { synapseConfig: synapse.config, folder: mkdtempSync(join(folder, 'home-')), database: url }
          try {
            const { code, out } = await move(options, serverName)
            assert.equal(code, 0, out)
            assert.match(out, /every event, hash and state is as in Synapse/)
            await using latchkey = await startMoved(options, serverName)
            await check(latchkey, before)
          } finally {
            await dispose()
          }
        })
    } finally {
      await synapse.stop()
      await postgres?.dispose()
      rmSync(folder, { recursive: true, force: true })
    }
  })

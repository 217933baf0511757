// Moving in step by step: while Synapse runs, ended half-way, and done again.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { databases } from '../../harness/postgres.ts'
import { ask, fill, register, type Person } from './fill.ts'
import { move, seen, startMoved } from './moved.ts'
import { python, startSynapse } from './source.ts'

const skip = python === undefined
const serverName = 'syn.test'
const enc = encodeURIComponent

for (const target of databases)
  test(`a first pass while Synapse runs, one that is killed, and the last (to ${target.name})`, { skip }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'latchkey-passes-'))
    const place = join(folder, 'synapse')
    let synapse = await startSynapse({ folder: place, serverName })
    const { url, dispose } = await target.open()
    const options = { synapseConfig: synapse.config, folder, database: url }
    try {
      const filled = await fill(synapse, serverName, { users: 6, rooms: 6, messages: 60 })
      const [one, two, leaver] = filled.people.slice(0, 3) as [Person, Person, Person]
      const room = filled.rooms['room1'] ?? ''
      const inRoom = `/rooms/${enc(room)}`
      let sent = 0
      const say = async (): Promise<string> =>
        (
          await ask<{ event_id: string }>(synapse.url, two.token, 'PUT', `${inRoom}/send/m.room.message/w${++sent}`, {
            msgtype: 'm.text',
            body: `meanwhile ${sent}`,
          })
        ).event_id
      const early = await say()

      // People go on talking while it runs.
      const running = { now: true }
      const talk = (async () => {
        while (running.now) await say()
      })()
      const first = await move(options, serverName)
      running.now = false
      await talk
      assert.equal(first.code, 0, first.out)

      // What was taken over changes: an event is redacted, a session ends, a topic and a member change, somebody comes.
      await ask(synapse.url, two.token, 'PUT', `${inRoom}/redact/${enc(early)}/r1`, {})
      await ask(synapse.url, leaver.token, 'POST', '/logout', {})
      await ask(synapse.url, two.token, 'PUT', `${inRoom}/state/m.room.topic`, { topic: 'another one' }).catch(() => {})
      const guest = await register(synapse, 'guest')
      await ask(synapse.url, guest.token, 'POST', `${inRoom}/join`, {})
      filled.people.push(guest)
      for (let count = 0; count < 20; count++) await say()
      const witnesses = [one, two, guest]
      const before = await seen(synapse.url, filled, witnesses)
      await synapse.stop()
      const file = join(place, 'homeserver.db')
      const hashOf = (): string => createHash('sha256').update(readFileSync(file)).digest('hex')
      const hash = hashOf()

      const killed = await move(options, serverName, (child) => {
        child.stdout?.on('data', (text: Buffer) => {
          if (text.toString().includes('access tokens')) child.kill('SIGKILL')
        })
      })
      assert.equal(killed.code, null, killed.out)
      await assert.rejects(startMoved(options, serverName), /has not come to its end/)

      const last = await move(options, serverName)
      assert.equal(last.code, 0, last.out)
      const again = await move(options, serverName)
      assert.equal(again.code, 0, again.out)
      {
        await using latchkey = await startMoved(options, serverName)
        assert.deepEqual(await seen(latchkey.url, filled, witnesses), before)
        await assert.rejects(ask(latchkey.url, leaver.token, 'GET', '/account/whoami'), /M_UNKNOWN_TOKEN/)
        await ask(latchkey.url, two.token, 'PUT', `${inRoom}/send/m.room.message/after`, {
          msgtype: 'm.text',
          body: 'after',
        })
      }
      // What was said here would be lost.
      const late = await move(options, serverName)
      assert.equal(late.code, 1)
      assert.match(late.out, /has been started with the new database since/)

      // The way back: Synapse is as it was.
      assert.equal(hashOf(), hash)
      synapse = await startSynapse({ folder: place, serverName })
      assert.deepEqual(await seen(synapse.url, filled, witnesses), before)
    } finally {
      await synapse.stop()
      await dispose()
      rmSync(folder, { recursive: true, force: true })
    }
  })

// Moving in from a real Synapse.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { databases, freshDatabase, server } from '../../harness/postgres.ts'
import { ask, fill } from './fill.ts'
import { move, seen, startMoved } from './moved.ts'
import { python, startSynapse, withoutSynapse } from './source.ts'

if (python === undefined) console.log(withoutSynapse)
const skip = python === undefined
const serverName = 'syn.test'
const settings = { password_config: { pepper: 'a pepper' } }

const sources = ['sqlite', ...('skipped' in server ? [] : ['postgres'])]

for (const from of sources)
  test(`everybody goes on after the move (Synapse on ${from})`, { skip }, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'latchkey-import-'))
    const postgres = from === 'postgres' ? await freshDatabase() : undefined
    const synapse = await startSynapse({
      folder: join(folder, 'synapse'),
      serverName,
      settings,
      postgres: postgres?.url,
    })
    try {
      const filled = await fill(synapse, serverName, { users: 8, rooms: 12, messages: 120 })
      const witnesses = filled.people.slice(0, 4)
      const before = await seen(synapse.url, filled, witnesses)
      await synapse.stop()

      for (const target of databases)
        await t.test(`to ${target.name}`, async () => {
          const { url, dispose } = await target.open()
          const home = mkdtempSync(join(folder, 'latchkey-'))
          const options = { synapseConfig: synapse.config, folder: home, database: url }
          try {
            const { code, out } = await move(options, serverName)
            assert.equal(code, 0, out)
            assert.match(out, /Of 12 rooms, chosen at random, every event, hash and state is as in Synapse/)
            await using latchkey = await startMoved(options, serverName)
            // With the tokens that Synapse gave out.
            assert.deepEqual(await seen(latchkey.url, filled, witnesses), before)
            const person = witnesses[0]
            assert.ok(person)
            const { user_id: userId, device_id: deviceId } = await ask(
              latchkey.url,
              person.token,
              'GET',
              '/account/whoami',
            )
            assert.deepEqual([userId, deviceId], [person.userId, person.deviceId])
            // And with the passwords, twice: the first sign-in makes a hash of our own.
            for (const _ of [1, 2]) {
              const again: { user_id: string } = await ask<{ user_id: string }>(
                latchkey.url,
                undefined,
                'POST',
                '/login',
                {
                  type: 'm.login.password',
                  identifier: { type: 'm.id.user', user: person.name },
                  password: person.password,
                },
              )
              assert.equal(again.user_id, person.userId)
            }
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

// A short run of the fuzzer (`npm run fuzz` makes long ones): whatever is asked, by whatever client, is no failure of the server.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { databases } from '../harness/postgres.ts'
import { fuzz } from './run.ts'

const requests = 3000
const seed = 1

for (const db of databases)
  test(`${requests} requests of all kinds do no harm (${db.name}, seed ${seed})`, async () => {
    const { url, dispose } = await db.open()
    try {
      const { faults, statuses, reached } = await fuzz({ requests, seed, database: url, width: 16 })
      assert.deepEqual(
        faults,
        [],
        `npm run fuzz -- --requests ${requests} --seed ${seed} --width 16 --database ${db.name}`,
      )
      assert.ok(reached.size > 100, `only ${reached.size} operations were reached: ${[...statuses].join(' ')}`)
    } finally {
      await dispose()
    }
  })

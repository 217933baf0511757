import assert from 'node:assert/strict'
import { test } from 'node:test'
import { databases } from '../../test/harness/postgres.ts'
import { openDatabase, vacuum } from './index.ts'

for (const kind of databases)
  test(`what was deleted gives its room back (${kind.name})`, async () => {
    const { url, dispose } = await kind.open()
    {
      await using database = await openDatabase({ url, serverName: 'one.test' })
      const rows = Array.from({ length: 500 }, (_, id) => ({ key: `k${id}`, value: 'x'.repeat(10_000) }))
      await database.write(async (tx) => {
        for (const row of rows) await tx.insertInto('meta').values(row).execute()
      })
      await database.write((tx) => tx.deleteFrom('meta').where('key', 'like', 'k%').execute())
      const { before, after } = await vacuum(database, url)
      assert.ok(after < before, `${before} bytes before, ${after} after`)
      await database.write((tx) => tx.insertInto('meta').values({ key: 'k', value: 'v' }).execute())
    }
    {
      // It is as good as before.
      await using again = await openDatabase({ url, serverName: 'one.test' })
      const rows = await again.read.selectFrom('meta').where('key', '=', 'k').select('value').execute()
      assert.deepEqual(
        rows.map(({ value }) => value),
        ['v'],
      )
    }
    await dispose()
  })

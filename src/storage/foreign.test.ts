import assert from 'node:assert/strict'
import { test } from 'node:test'
import { databases } from '../../test/harness/postgres.ts'
import { openDatabase } from './database.ts'
import { openForeignPostgres, openForeignSqlite } from './foreign.ts'

for (const db of databases)
  test(`another program's tables are gone through in pieces, and cannot be written to (${db.name})`, async () => {
    const { url, dispose } = await db.open()
    try {
      {
        await using own = await openDatabase({ url, serverName: 'one.test' })
        await own.write((tx) =>
          tx
            .insertInto('users')
            .values(Array.from({ length: 25 }, (_, index) => ({ user_id: `@user${index}:one.test` })))
            .execute(),
        )
      }
      await using source = url.startsWith('sqlite:')
        ? openForeignSqlite(url.slice('sqlite:'.length))
        : await openForeignPostgres({ connectionString: url })
      const pieces: number[] = []
      const found = new Set<string>()
      for await (const rows of source.scan<{ user_id: string }>({ columns: 't.user_id', from: 'users t' }, 10)) {
        pieces.push(rows.length)
        for (const row of rows) found.add(row.user_id)
      }
      assert.deepEqual([pieces, found.size], [[10, 10, 5], 25])
      const some = await source.rows<{ user_id: string }>('select user_id from users where user_id in (?, ?)', [
        '@user3:one.test',
        '@nobody:one.test',
      ])
      assert.deepEqual(
        some.map((row) => row.user_id),
        ['@user3:one.test'],
      )
      await assert.rejects(source.rows('delete from users'), /readonly|read-only/)
    } finally {
      await dispose()
    }
  })

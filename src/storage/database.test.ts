import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { sql } from 'kysely'
import { databases } from '../../test/harness/postgres.ts'
import { DatabaseRefused, hot, openDatabase, openSequence } from './index.ts'

const findUser = hot((db, p: { userId: string }) => db.selectFrom('users').where('user_id', '=', p.userId).selectAll())
const addUser = hot((db, p: { userId: string }) =>
  db.insertInto('users').values({ user_id: p.userId }).returning('nid'),
)

for (const kind of databases) {
  test(`what is written is read back, with numbers as numbers (${kind.name})`, async () => {
    const { url, dispose } = await kind.open()
    {
      await using db = await openDatabase({ url, serverName: 'one.test' })
      const nid = await db.write(async (tx) => (await addUser.first(tx, { userId: '@a:one.test' }))?.nid)
      assert.equal(typeof nid, 'number')
      assert.deepEqual(
        { ...(await findUser.first(db.read, { userId: '@a:one.test' })) },
        { nid, user_id: '@a:one.test' },
      )
      assert.equal(await findUser.first(db.read, { userId: '@b:one.test' }), undefined)
    }
    await dispose()
  })

  test(`rows with ids that no number of JavaScript holds are in nobody's way (${kind.name})`, async () => {
    const { url, dispose } = await kind.open()
    {
      await using db = await openDatabase({ url, serverName: 'one.test' })
      // As the full-text index makes them, inside SQLite.
      await db.write((tx) => sql`create table wide (nid bigint primary key)`.execute(tx))
      await db.write((tx) => sql`insert into wide (nid) values (9007336693694464)`.execute(tx))
      if (db.dialect === 'sqlite') {
        await db.write((tx) => sql`create table rows (nid integer primary key)`.execute(tx))
        await db.write((tx) => sql`insert into rows (nid) values (9007336693694464)`.execute(tx))
      }
      const [one, two] = await Promise.all(
        ['@a:t', '@b:t'].map((userId) => db.write(async (tx) => (await addUser.first(tx, { userId }))?.nid)),
      )
      assert.deepEqual([typeof one, typeof two], ['number', 'number'])
    }
    await dispose()
  })

  test(`a change that fails is undone alone; its neighbours in the group are kept (${kind.name})`, async () => {
    const { url, dispose } = await kind.open()
    {
      await using db = await openDatabase({ url, serverName: 'one.test' })
      const add = (name: string, fail = false) =>
        db.write(async (tx) => {
          await addUser.run(tx, { userId: name })
          if (fail) throw new Error('no')
        })
      const results = await Promise.allSettled([add('@a:t'), add('@b:t', true), add('@c:t'), add('@a:t'), add('@d:t')])
      assert.deepEqual(
        results.map((result) => result.status),
        ['fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled'],
      )
      const names = await db.read.selectFrom('users').select('user_id').orderBy('user_id').execute()
      assert.deepEqual(
        names.map((row) => row.user_id),
        ['@a:t', '@c:t', '@d:t'],
      )
    }
    await dispose()
  })

  test(`a reader sees nothing of a transaction that is not committed (${kind.name})`, async () => {
    const { url, dispose } = await kind.open()
    {
      await using db = await openDatabase({ url, serverName: 'one.test' })
      await db.write(async (tx) => {
        await addUser.run(tx, { userId: '@a:t' })
        assert.equal(await findUser.first(db.read, { userId: '@a:t' }), undefined)
      })
      assert.ok(await findUser.first(db.read, { userId: '@a:t' }))
    }
    await dispose()
  })

  test(`a sequence never gives a number twice, across restarts (${kind.name})`, async () => {
    const { url, dispose } = await kind.open()
    const seen = new Set<number>()
    for (let round = 0; round < 3; round++) {
      await using db = await openDatabase({ url, serverName: 'one.test' })
      const sequence = await openSequence(db, 'test')
      for (let i = 0; i < 100; i++) seen.add(sequence.next())
    }
    assert.equal(seen.size, 300)
    await dispose()
  })

  test(`a database of another server name, product or of the future is refused with a sentence (${kind.name})`, async () => {
    const { url, dispose } = await kind.open()
    await (await openDatabase({ url, serverName: 'one.test' }))[Symbol.asyncDispose]()
    await assert.rejects(
      openDatabase({ url, serverName: 'two.test' }),
      (error) => error instanceof DatabaseRefused && /belongs to the server "one.test"/.test(error.message),
    )
    {
      await using db = await openDatabase({ url, serverName: 'one.test' })
      await db.write(async (tx) => {
        await tx.updateTable('meta').set({ value: '999' }).where('key', '=', 'compatible').execute()
      })
    }
    await assert.rejects(openDatabase({ url, serverName: 'one.test' }), /newer Latchkey/)
    await dispose()
  })
}

test('a second process on the same SQLite file is refused', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-test-'))
  const url = `sqlite:${join(folder, 'a.db')}`
  {
    await using _db = await openDatabase({ url, serverName: 'one.test' })
    await assert.rejects(openDatabase({ url, serverName: 'one.test' }), /Another Latchkey process/)
  }
  rmSync(folder, { recursive: true })
})

for (const kind of databases) {
  test(`the id of a row that was deleted is never given again (${kind.name})`, async () => {
    const { url, dispose } = await kind.open()
    {
      await using db = await openDatabase({ url, serverName: 'one.test' })
      const rows: Record<string, string> = {
        reports: `(reporter_nid, target, reason, created_ts) values (1, 't', '', 0)`,
        pushers: `(user_nid, app_id, kind, pushkey, app_name, device_name, lang, data, set_ts, since_position) values (1, '', '', '', '', '', '', '', 0, 0)`,
        media_files: `(hash, name, size, refs) values ('', '', 0, 0)`,
      }
      for (const [table, row] of Object.entries(rows)) {
        const add = (): Promise<number | undefined> =>
          db.write(async (tx) => {
            const added = sql<{ nid: number }>`insert into ${sql.table(table)} ${sql.raw(row)} returning nid`
            return (await added.execute(tx)).rows[0]?.nid
          })
        const first = await add()
        await db.write(async (tx) => void (await sql`delete from ${sql.table(table)}`.execute(tx)))
        const second = await add()
        assert.ok(first !== undefined && second !== undefined && second > first, `${table}: ${first}, then ${second}`)
      }
    }
    await dispose()
  })
}

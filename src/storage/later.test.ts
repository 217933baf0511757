import assert from 'node:assert/strict'
import { test } from 'node:test'
import { databases } from '../../test/harness/postgres.ts'
import { hot, openDatabase, type Database } from './index.ts'

const add = hot((db, p: { nid: number; userId: string }) =>
  db.insertInto('users').values({ nid: p.nid, user_id: p.userId }),
)
const find = hot((db, p: { userId: string }) => db.selectFrom('users').where('user_id', '=', p.userId).select('nid'))

const names = async (db: Database): Promise<string> =>
  (await db.read.selectFrom('users').select('user_id').orderBy('user_id').execute())
    .map((row) => row.user_id.slice(1, 2))
    .join('')

for (const kind of databases) {
  const withDatabase = (name: string, body: (db: Database) => Promise<void>): void =>
    void test(`${name} (${kind.name})`, async () => {
      const { url, dispose } = await kind.open()
      {
        await using db = await openDatabase({ url, serverName: 'one.test' })
        await body(db)
      }
      await dispose()
    })

  let nid = 0
  const adding = (db: Database, name: string, after?: (tx: object) => Promise<void> | void): Promise<void> =>
    db.write(async (tx) => {
      add.later(tx, { nid: ++nid, userId: `@${name}:one.test` })
      await after?.(tx)
    })
  const outcome = async (...writes: Promise<unknown>[]): Promise<string> =>
    (await Promise.allSettled(writes)).map(({ status }) => (status === 'fulfilled' ? '+' : '-')).join('')
  const fail = (): void => {
    throw new Error('no')
  }
  const sees =
    (name: string) =>
    async (tx: object): Promise<void> => {
      assert.ok(await find.first(tx, { userId: `@${name}:one.test` }))
    }

  withDatabase('what is left for later is written with its change, and undone with it', async (db) => {
    const result = await outcome(
      adding(db, 'a'),
      adding(db, 'b', fail),
      adding(db, 'c', sees('a')),
      adding(db, 'd', sees('d')),
      adding(db, 'e', async (tx) => {
        await sees('e')(tx)
        add.later(tx, { nid: ++nid, userId: '@f:one.test' })
        fail()
      }),
      adding(db, 'g', async (tx) => {
        await sees('g')(tx)
        add.later(tx, { nid: ++nid, userId: '@h:one.test' })
      }),
    )
    assert.equal(result, '+-++-+')
    assert.equal(await names(db), 'acdgh')
  })

  withDatabase('a change alone that fails leaves nothing, and the next one begins anew', async (db) => {
    assert.equal(await outcome(adding(db, 'a', fail)), '-')
    assert.equal(await outcome(db.write(async () => {})), '+')
    assert.equal(await outcome(adding(db, 'a', sees('a'))), '+')
    assert.equal(await names(db), 'a')
  })

  withDatabase('what the database refuses spoils the changes of others once, and then only its own', async (db) => {
    const bad = (): Promise<void> => adding(db, 'a')
    await bad()
    const first = await outcome(adding(db, 'b'), bad(), adding(db, 'c', sees('b')))
    assert.equal(first, kind.name === 'sqlite' ? '+-+' : '---')
    assert.equal(await names(db), kind.name === 'sqlite' ? 'abc' : 'a')
    const then = await outcome(adding(db, 'd'), bad(), adding(db, 'e', sees('d')), adding(db, 'f', fail), bad())
    assert.equal(then, '+-+--')
    assert.match(await names(db), /de$/)
  })

  withDatabase('no text with a NUL spoils the changes of others', async (db) => {
    assert.equal(
      await outcome(adding(db, 'a'), adding(db, 'b\0'), adding(db, 'c')),
      kind.name === 'sqlite' ? '+++' : '+-+',
    )
  })
}

import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { databases, server } from '../../test/harness/postgres.ts'
import { MatrixError } from '../matrix/errors.ts'
import { isAway } from './away.ts'
import { openDatabase } from './index.ts'

const kind = databases.find(({ name }) => name === 'postgres')

test(
  'while PostgreSQL is away clients are told to come again, and afterwards all is as before',
  { skip: !kind },
  async () => {
    if (!kind || !('url' in server)) return
    const { url, dispose } = await kind.open()
    {
      await using database = await openDatabase({ url, serverName: 'one.test', onError: () => {} })
      const name = new URL(url).pathname.slice(1)
      const admin = new pg.Client({ connectionString: server.url })
      await admin.connect()
      const read = () => database.read.selectFrom('users').select('nid').execute()
      const write = () => database.write((tx) => tx.insertInto('users').values({ user_id: '@a:one.test' }).execute())
      await read()
      const nul = database.read.selectFrom('users').where('user_id', '=', 'a\0').select('nid')
      await assert.rejects(nul.execute(), (error) => error instanceof MatrixError && error.status === 400)
      await admin.query(`alter database ${name} allow_connections false`)
      await admin.query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`)
      const isRefusal = (error: unknown): boolean =>
        error instanceof MatrixError &&
        error.status === 503 &&
        error.errcode === 'M_UNKNOWN' &&
        error.retryAfterMs === 5000
      for (let count = 0; count < 3; count++) {
        await assert.rejects(read, isRefusal)
        await assert.rejects(write, isRefusal)
      }
      await admin.query(`alter database ${name} allow_connections true`)
      await admin.end()
      await write()
      assert.equal((await read()).length, 1)
    }
    await dispose()
  },
)

test('what a statement says wrong is not the absence of the database', () => {
  assert.equal(isAway(Object.assign(new Error('duplicate key'), { code: '23505' })), false)
  assert.equal(isAway(Object.assign(new Error('syntax error'), { code: '42601' })), false)
  assert.equal(isAway(Object.assign(new Error('x'), { code: 'ECONNREFUSED' })), true)
  assert.equal(isAway(new Error('Connection terminated unexpectedly')), true)
})

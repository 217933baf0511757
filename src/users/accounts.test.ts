import assert from 'node:assert/strict'
import { test } from 'node:test'
import { databases } from '../../test/harness/postgres.ts'
import { openDatabase, type Database } from '../storage/index.ts'
import { openLog } from '../streams/index.ts'
import { createUsers, gate, mustNotBeSuspended, type Account, type Purpose, type Users } from './index.ts'

const over = (name: string, body: (users: Users, database: Database) => Promise<void>): void => {
  for (const kind of databases) {
    test(`${name} (${kind.name})`, async () => {
      const { url, dispose } = await kind.open()
      {
        await using database = await openDatabase({ url, serverName: 'one.test' })
        await body(await usersOf(database), database)
      }
      await dispose()
    })
  }
}

const usersOf = async (database: Database): Promise<Users> => {
  const log = await openLog(database, (error) => {
    throw error
  })
  return createUsers({ database, log, serverName: 'one.test', now: () => 1000 })
}

const make = (users: Users, database: Database, localpart: string): Promise<Account> =>
  database.write((tx) => users.create(tx, { localpart, createdBy: 'test' }))

const names = (accounts: readonly Account[]): string[] => accounts.map((account) => account.localpart)

over('a user gets one short id, however many ask at once', async (users, database) => {
  const asked = Array.from({ length: 20 }, (_, index) =>
    index % 2 ? users.intern('@a:far.test') : database.write((tx) => users.internIn(tx, '@a:far.test')),
  )
  const nids = new Set(await Promise.all(asked))
  assert.equal(nids.size, 1)
  const [nid = 0] = nids
  assert.equal(users.peekNid('@a:far.test'), nid)
  assert.equal(users.peekName(nid), '@a:far.test')
  assert.equal(await (await usersOf(database)).nameOf(nid), '@a:far.test')
  assert.equal(await users.find('@b:far.test'), undefined)
  await assert.rejects(users.nameOf(4711), /4711/)
})

over('a short id that was undone with its write is not remembered', async (users, database) => {
  await assert.rejects(
    database.write(async (tx) => {
      await users.internIn(tx, '@a:far.test')
      throw new Error('undone')
    }),
    /undone/,
  )
  assert.equal(await users.find('@a:far.test'), undefined)
  const b = await users.intern('@b:far.test')
  const a = await users.intern('@a:far.test')
  assert.notEqual(a, b)
})

over('many names are read at once', async (users, database) => {
  const ids = Array.from({ length: 1200 }, (_, index) => `@u${index}:far.test`)
  const nids = await Promise.all(ids.map((id) => users.intern(id)))
  assert.deepEqual(
    [...(await (await usersOf(database)).namesOf(nids))].sort(([a], [b]) => a - b),
    nids.map((nid, index) => [nid, ids[index]]).sort(([a], [b]) => Number(a) - Number(b)),
  )
})

over('an account is made once, and found in any letter case', async (users, database) => {
  const made = await make(users, database, 'alice')
  assert.deepEqual(
    { ...made },
    {
      nid: made.nid,
      userId: '@alice:one.test',
      localpart: 'alice',
      createdTs: 1000,
      createdBy: 'test',
      hasPassword: false,
      deactivated: false,
      erased: false,
      locked: false,
      suspended: false,
      admin: false,
      guest: false,
      displayName: null,
      avatarUrl: null,
      shadowBanned: false,
      userType: null,
      rate: null,
    },
  )
  await assert.rejects(make(users, database, 'alice'), { errcode: 'M_USER_IN_USE' })
  for (const wrong of ['', 'Bob', 'a:b', 'a@b', 'ä', 'x'.repeat(250)])
    await assert.rejects(make(users, database, wrong), { errcode: 'M_INVALID_USERNAME' })
  for (const name of ['alice', 'ALICE', 'Alice']) assert.deepEqual(await users.findByLocalpart(name), made)
  assert.equal(await users.findByLocalpart('bob'), undefined)
  assert.deepEqual(await users.account(made.nid), made)
  assert.ok(!(users.account(made.nid) instanceof Promise), 'answered from memory')
  assert.equal(await users.account(4711), undefined)
})

over('two that make the same account at once get one account', async (users, database) => {
  const results = await Promise.allSettled(Array.from({ length: 8 }, () => make(users, database, 'alice')))
  assert.equal(results.filter((result) => result.status === 'fulfilled').length, 1)
})

over('of old names that differ in letter case only an exact one counts', async (users, database) => {
  for (const localpart of ['Alice', 'ALICE']) {
    await database.write(async (tx) => {
      const user_nid = await users.internIn(tx, `@${localpart}:one.test`)
      await tx
        .insertInto('accounts')
        .values({
          user_nid,
          localpart,
          folded: 'alice',
          created_ts: 0,
          created_by: 'import',
          password_hash: null,
          deactivated: 0,
          erased: 0,
          locked: 0,
          suspended: 0,
          admin: 0,
          guest: 0,
          display_name: null,
          avatar_url: null,
        })
        .execute()
    })
  }
  assert.equal((await users.findByLocalpart('Alice'))?.userId, '@Alice:one.test')
  assert.equal((await users.findByLocalpart('ALICE'))?.userId, '@ALICE:one.test')
  assert.equal(await users.findByLocalpart('alice'), undefined)
  await assert.rejects(make(users, database, 'alice'), { errcode: 'M_USER_IN_USE' })
})

over('a change is in memory, and told, before its write returns', async (users, database) => {
  const { nid } = await make(users, database, 'alice')
  await users.account(nid)
  const told: Account[] = []
  users.onChange((account) => {
    assert.equal(users.account(account.nid), account)
    told.push(account)
  })
  await users.setPassword(nid, 'hash')
  assert.equal(await users.passwordHash(nid), 'hash')
  await users.setAdmin(nid, true)
  await users.setSuspended(nid, true)
  await users.setLocked(nid, true)
  assert.deepEqual(
    told.map(({ hasPassword, admin, suspended, locked }) =>
      [hasPassword, admin, suspended, locked].map(Number).join(''),
    ),
    ['1000', '1100', '1110', '1111'],
  )
  await Promise.all([users.setLocked(nid, false), users.setSuspended(nid, false), users.setAdmin(nid, false)])
  assert.deepEqual(users.account(nid), await (await usersOf(database)).account(nid))
  await assert.rejects(users.setAdmin(4711, true), { errcode: 'M_NOT_FOUND' })
  await assert.rejects(users.passwordHash(4711), { errcode: 'M_NOT_FOUND' })
})

over('a load that was under way when an account changed does not bring back the old one', async (users, database) => {
  const { nid } = await make(users, database, 'alice')
  const loads: unknown[] = []
  for (let round = 0; round < 5; round++) {
    loads.push(users.account(nid), users.setLocked(nid, round % 2 === 0))
  }
  await Promise.all(loads)
  assert.equal((users.account(nid) as Account).locked, true)
})

over('a deactivated account has no password, and erased nothing of its own', async (users, database) => {
  const { nid } = await database.write((tx) =>
    users.create(tx, {
      localpart: 'alice',
      createdBy: 'test',
      passwordHash: 'hash',
      displayName: 'Alice',
      admin: true,
    }),
  )
  await database.write(async (tx) => {
    await tx
      .insertInto('account_data')
      .values({ user_nid: nid, room_nid: 0, type: 't', content: '{}', position: 1 })
      .execute()
  })
  const gone = await users.deactivate(nid, false)
  assert.deepEqual([gone.deactivated, gone.erased, gone.hasPassword, gone.displayName], [true, false, false, 'Alice'])
  assert.equal(await users.passwordHash(nid), null)
  const erased = await users.deactivate(nid, true)
  assert.deepEqual([erased.deactivated, erased.erased, erased.displayName], [true, true, null])
  assert.deepEqual(await database.read.selectFrom('account_data').selectAll().execute(), [])
})

over('accounts are listed by name, a page at a time, and searched', async (users, database) => {
  for (const name of ['carol', 'alice', 'bob', 'a_b', 'axb']) await make(users, database, name)
  await database.write((tx) => users.create(tx, { localpart: 'dave', createdBy: 'test', displayName: 'Big BOB 100%' }))
  assert.deepEqual(names(await users.list('', 3)), ['a_b', 'alice', 'axb'])
  assert.deepEqual(names(await users.list('axb', 10)), ['bob', 'carol', 'dave'])
  assert.deepEqual(names(await users.list('', 10, 'bob')), ['bob', 'dave'])
  assert.deepEqual(names(await users.list('', 10, 'A_')), ['a_b'])
  assert.deepEqual(names(await users.list('', 10, '0%')), ['dave'])
  assert.deepEqual(names(await users.list('', 10, '\\')), [])
})

test('the gate: what each kind of account may come in for', () => {
  const account = { deactivated: false, locked: false, suspended: false }
  const answer = (state: Partial<typeof account>, purpose: Purpose): string => {
    try {
      gate({ ...account, ...state }, purpose)
      return 'in'
    } catch (error) {
      const { status, errcode, message, extra } = error as {
        status: number
        errcode: string
        message: string
        extra: object
      }
      assert.ok(errcode !== 'M_USER_DEACTIVATED' || message === 'This account has been deactivated')
      return `${status} ${errcode}${'soft_logout' in extra ? ' soft' : ''}`
    }
  }
  const row = (state: Partial<typeof account>): string[] =>
    (['login', 'use', 'logout'] as const).map((purpose) => answer(state, purpose))
  assert.deepEqual(row({}), ['in', 'in', 'in'])
  assert.deepEqual(row({ suspended: true }), ['in', 'in', 'in'])
  assert.deepEqual(row({ locked: true }), ['401 M_USER_LOCKED soft', '401 M_USER_LOCKED soft', 'in'])
  for (const more of [{}, { locked: true }, { suspended: true }]) {
    assert.deepEqual(row({ deactivated: true, ...more }), [
      '403 M_USER_DEACTIVATED',
      '401 M_UNKNOWN_TOKEN',
      '401 M_UNKNOWN_TOKEN',
    ])
  }
  assert.throws(() => mustNotBeSuspended({ suspended: true }), { errcode: 'M_USER_SUSPENDED', status: 403 })
  mustNotBeSuspended({ suspended: false })
})

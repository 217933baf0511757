import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { databases } from '../../test/harness/postgres.ts'
import { openDatabase, type Database } from '../storage/index.ts'
import { backOff, openJobs, RetryAfter, type Job, type Jobs } from './index.ts'

interface World {
  database: Database
  jobs: Jobs
  clock: { now: number }
  again: () => Promise<Jobs>
  errors: unknown[]
}

const over = (name: string, body: (world: World) => Promise<void>): void => {
  for (const kind of databases) {
    test(`${name} (${kind.name})`, async () => {
      const { url, dispose } = await kind.open()
      {
        await using database = await openDatabase({ url, serverName: 'one.test' })
        const clock = { now: 1_000_000 }
        const errors: unknown[] = []
        const opened: Jobs[] = []
        const again = async (): Promise<Jobs> => {
          const jobs = await openJobs({
            database,
            now: () => clock.now,
            randomBytes,
            onError: (error) => {
              errors.push(error)
            },
          })
          opened.push(jobs)
          return jobs
        }
        await body({ database, jobs: await again(), clock, again, errors })
        for (const jobs of opened) await jobs[Symbol.asyncDispose]()
        assert.deepEqual(errors, [])
      }
      await dispose()
    })
  }
}

/** Waits, a few seconds at most, for what happens beside the test. */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 500; turn++) {
    if (await holds()) return
    await sleep(10)
  }
  assert.fail('it did not happen')
}

const waiting = async ({ database }: World): Promise<number> =>
  (await database.read.selectFrom('jobs').select('id').execute()).length
const named = (job: Job): string => job.payload['name'] as string // as `add` makes them
const add = (world: World, key: string, ...names: string[]): Promise<void> =>
  world.database.write(async (tx) => {
    for (const name of names) await world.jobs.enqueue(tx, { queue: 'q', key, payload: { name } })
  })

over('jobs of one key are done in order, those of different keys side by side', async (world) => {
  const { jobs } = world
  const done: string[] = []
  let most = 0
  const open = new Map<string, number>()
  jobs.work('q', {
    concurrency: 4,
    handle: async (job) => {
      open.set(job.key, (open.get(job.key) ?? 0) + 1)
      assert.equal(open.get(job.key), 1)
      most = Math.max(most, [...open.values()].filter((count) => count > 0).length)
      await sleep(5)
      open.set(job.key, 0)
      done.push(named(job))
    },
  })
  const keys = ['a', 'b', 'c', 'd', 'e', 'f']
  for (const round of [1, 2, 3]) for (const key of keys) await add(world, key, `${key}${round}`)
  await until(async () => done.length === 18 && (await waiting(world)) === 0)
  for (const key of keys)
    assert.deepEqual(
      done.filter((name) => name.startsWith(key)),
      [1, 2, 3].map((round) => `${key}${round}`),
    )
  assert.ok(most > 1 && most <= 4)
})

over('what fails is tried again, later each time, and what is behind it waits', async (world) => {
  const { jobs, clock } = world
  const tries: number[] = []
  const done: string[] = []
  jobs.work('q', {
    firstMs: 1000,
    mostMs: 60_000,
    handle: async (job) => {
      if (named(job) === 'first' && tries.length < 4) {
        tries.push(clock.now)
        throw new Error('not yet')
      }
      done.push(named(job))
    },
  })
  await add(world, 'k', 'first', 'second')
  for (let turn = 1; turn <= 4; turn++) {
    await until(() => tries.length === turn)
    await until(
      async () =>
        (await world.database.read.selectFrom('jobs').where('attempts', '=', turn).select('id').execute()).length === 1,
    )
    assert.deepEqual(done, [])
    const full = 1000 * 2 ** (turn - 1)
    clock.now += full / 2 - 1
    jobs.wake('q')
    await sleep(20)
    assert.equal(tries.length, turn, 'too early')
    clock.now += full / 2 + 1
    jobs.wake('q')
  }
  await until(() => done.length === 2)
  assert.deepEqual(done, ['first', 'second'])
})

over('who says when to come again is believed', async (world) => {
  const { jobs, clock } = world
  let tries = 0
  jobs.work('q', {
    handle: async () => {
      tries += 1
      if (tries === 1) throw new RetryAfter(30_000)
    },
  })
  await add(world, 'k', 'one')
  await until(
    async () =>
      (await world.database.read.selectFrom('jobs').where('attempts', '=', 1).select('id').execute()).length === 1,
  )
  clock.now += 29_999
  jobs.wake('q')
  await sleep(20)
  assert.equal(tries, 1)
  clock.now += 1
  jobs.wake('q')
  await until(() => tries === 2)
})

over('a job is given up when it has failed for too long', async (world) => {
  const { jobs, clock } = world
  const given: string[] = []
  jobs.work('q', {
    giveUpAfterMs: 10_000,
    firstMs: 1000,
    mostMs: 1000,
    onGiveUp: (job) => {
      given.push(named(job))
    },
    handle: async () => {
      throw new Error('never')
    },
  })
  await add(world, 'k', 'one')
  for (let turn = 1; given.length === 0 && turn < 100; turn++) {
    await sleep(10)
    clock.now += 1000
    jobs.wake('q')
  }
  assert.deepEqual(given, ['one'])
  await until(async () => (await waiting(world)) === 0)
  assert.ok(clock.now >= 1_010_000)
})

over('a job outlives a restart, even one that was being worked at', async (world) => {
  const { jobs, again } = world
  const begun: string[] = []
  jobs.work('q', {
    handle: async (job) => {
      begun.push(named(job))
      await new Promise((_resolve, reject) => {
        job.signal.addEventListener('abort', () => {
          reject(new Error('stopped'))
        })
      })
    },
  })
  await add(world, 'k', 'one', 'two')
  await until(() => begun.length === 1)
  await jobs[Symbol.asyncDispose]()
  assert.equal(await waiting(world), 2)
  const done: string[] = []
  const later = await again()
  later.work('q', {
    handle: async (job) => {
      done.push(named(job))
    },
  })
  await until(() => done.length === 2)
  assert.deepEqual(done, ['one', 'two'])
})

over('only so many jobs of a key wait, and the newest are kept', async (world) => {
  const { jobs, database } = world
  for (let index = 0; index < 20; index++) {
    await database.write((tx) => jobs.enqueue(tx, { queue: 'q', key: 'k', payload: { name: String(index) }, most: 5 }))
  }
  await add(world, 'other', 'x')
  await database.write((tx) => jobs.drop(tx, 'q', 'other'))
  const done: string[] = []
  jobs.work('q', {
    handle: async (job) => {
      done.push(named(job))
    },
  })
  await until(() => done.length === 5)
  assert.deepEqual(done, ['15', '16', '17', '18', '19'])
})

over('a job of a write that fails is never done, and one for later waits', async (world) => {
  const { jobs, database, clock } = world
  const done: string[] = []
  jobs.work('q', {
    handle: async (job) => {
      done.push(named(job))
    },
  })
  await assert.rejects(
    database.write(async (tx) => {
      await jobs.enqueue(tx, { queue: 'q', key: 'k', payload: { name: 'no' } })
      throw new Error('undone')
    }),
  )
  await database.write((tx) =>
    jobs.enqueue(tx, { queue: 'q', key: 'k', payload: { name: 'later' }, runAt: clock.now + 500 }),
  )
  await sleep(30)
  assert.deepEqual(done, [])
  clock.now += 500
  jobs.wake('q')
  await until(() => done.length === 1)
  assert.deepEqual(done, ['later'])
})

test('waits grow up to their bound, and chance spreads them over the upper half', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1000 }), fc.double({ min: 0, max: 1, noNaN: true }), (attempts, chance) => {
      const wait = backOff(attempts, { firstMs: 1000, mostMs: 600_000 }, chance)
      const full = Math.min(600_000, 1000 * 2 ** (attempts - 1))
      assert.ok(wait >= full / 2 - 1 && wait <= full + 1)
    }),
  )
})

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { databases } from '../../test/harness/postgres.ts'
import { sessionOf } from '../../test/harness/routes.ts'
import { openJobs } from '../jobs/index.ts'
import { openStage } from './fixture.test.ts'
import { startNotifier } from './notifier.ts'
import { openPushers } from './pushers.ts'
import { writeCursor } from './store/pushers.ts'

for (const kind of databases) {
  test(`what was stored right before a crash is pushed after it, and nothing twice (${kind.name})`, async () => {
    const { url, dispose } = await kind.open()
    {
      await using stage = await openStage(url)
      const onError = (error: unknown): void => {
        throw error
      }
      const deps = {
        database: stage.database,
        log: stage.log,
        now: () => Date.now(),
        randomId: () => 'x',
        randomBytes,
        onError,
      }
      await using jobs = await openJobs(deps)
      const pushers = await openPushers({ ...deps, jobs })
      const [alice, bob] = [await stage.person('alice'), await stage.person('bob')]
      await pushers.set(
        sessionOf(alice.nid, alice.userId),
        {
          kind: 'http',
          appId: 'app',
          pushkey: 'key',
          appName: 'App',
          deviceName: 'Phone',
          lang: 'en',
          profileTag: undefined,
          data: { url: 'https://a.org/_matrix/push/v1/notify' },
        },
        false,
      )
      const room = await stage.roomOf(bob, alice)
      await stage.send(room, bob, 'looked at before')
      await stage.database.write((tx) => writeCursor(tx, stage.log.now))
      const missed = await stage.send(room, bob, 'missed')
      const start = () =>
        startNotifier({ ...stage, ...deps, jobs, pushers, mayClear: () => true, mailLater: async () => {} })
      const queued = async (): Promise<unknown[]> => {
        const rows = await stage.database.read.selectFrom('jobs').orderBy('id').select('payload').execute()
        return rows.map(({ payload }) => (JSON.parse(payload) as { event: unknown }).event)
      }
      const first = start()
      await first.settled()
      assert.deepEqual(await queued(), [missed.nid])
      const next = await stage.send(room, bob, 'heard')
      await first.settled()
      assert.deepEqual(await queued(), [missed.nid, next.nid])
      await first[Symbol.asyncDispose]()
      await start().settled()
      assert.deepEqual(await queued(), [missed.nid, next.nid])
    }
    await dispose()
  })
}

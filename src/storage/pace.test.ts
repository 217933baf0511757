import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openDatabase } from './index.ts'
import { mustRest, rest } from './pace.ts'

/** Turns of the event loop until `work` is done. */
async function turnsOf(work: Promise<unknown>): Promise<number> {
  const state = { turns: 0, done: false }
  const count = (): void => {
    state.turns++
    if (!state.done) setImmediate(count)
  }
  setImmediate(count)
  await work
  state.done = true
  return state.turns
}

/** Holds the event loop for longer than a walk may: whoever asks after it must rest, however slow the machine is. */
const keepBusy = (): void => {
  const until = performance.now() + 11
  while (performance.now() < until);
}

test('who walks a long way lets others have a turn, and all who walk go on', async () => {
  const steps: string[] = []
  const walk = async (name: string): Promise<void> => {
    for (let step = 0; step < 20; step++) {
      keepBusy()
      steps.push(name)
      await (mustRest() ? rest() : Promise.resolve())
    }
  }
  assert.ok((await turnsOf(Promise.all([walk('a'), walk('b')]))) >= 5)
  assert.ok(steps.slice(0, 20).includes('b'))
  assert.ok(steps.slice(20).includes('a'))
})

test('reads of the database in this process take turns by themselves', async () => {
  await using database = await openDatabase({ url: 'sqlite::memory:', serverName: 'one.test' })
  const walk = async (): Promise<void> => {
    for (let step = 0; step < 20; step++) {
      await database.read.selectFrom('users').selectAll().execute()
      keepBusy()
    }
  }
  assert.ok((await turnsOf(walk())) >= 6)
})

test('changes that take long do not all go down in one turn', async () => {
  await using database = await openDatabase({ url: 'sqlite::memory:', serverName: 'one.test' })
  const done: number[] = []
  const writes = Array.from({ length: 20 }, (_, index) =>
    database.write(async () => {
      keepBusy()
      done.push(index)
    }),
  )
  assert.ok((await turnsOf(Promise.all(writes))) >= 6)
  assert.deepEqual(
    done,
    Array.from({ length: 20 }).map((_, index) => index),
  )
})

import type { Database } from './database.ts'

/** Gives out integers that were never given out before, by this process or one that ran earlier. */
export interface Sequence {
  next(): number
  /** The last one given out. */
  readonly last: number
}

const block = 1_000_000

/**
 * Opens a sequence. Numbers are reserved in blocks ahead of use, so that `next` is a matter of memory and a crash skips numbers
 * instead of repeating them.
 */
export async function openSequence(database: Database, name: string): Promise<Sequence> {
  const reserve = (): Promise<number> =>
    database.write(async (tx) => {
      const { reserved } = await tx
        .insertInto('sequences')
        .values({ name, reserved: block })
        .onConflict((conflict) =>
          conflict.column('name').doUpdateSet((row) => ({ reserved: row('sequences.reserved', '+', block) })),
        )
        .returning('reserved')
        .executeTakeFirstOrThrow()
      return reserved
    })
  let limit = await reserve()
  let last = limit - block
  let reserving = false
  const extend = (): void => {
    reserving = true
    reserve().then(
      (reserved) => {
        limit = reserved
        reserving = false
      },
      () => {
        reserving = false
      },
    )
  }
  return {
    next() {
      if (last >= limit) throw new Error(`No ${name} ids are left: the database did not take a new reservation`)
      last += 1
      if (limit - last < block / 2 && !reserving) extend()
      return last
    },
    get last() {
      return last
    },
  }
}

import type { Reader, Tx } from '../../storage/index.ts'

/** What the database knows of an import: whether it came to its end, and up to where positions were given out. */
export interface Mark {
  readonly state: 'running' | 'done'
  readonly from: string
  readonly position: number
}

const key = 'import'

export async function readMark(db: Reader | Tx): Promise<Mark | undefined> {
  const row = await db.selectFrom('meta').where('key', '=', key).select('value').executeTakeFirst()
  return row && (JSON.parse(row.value) as Mark) // written below
}

export const saveMark = (tx: Tx, mark: Mark): Promise<void> => saveSetting(tx, key, JSON.stringify(mark))

/** Writes down something that the database knows of itself. */
export async function saveSetting(tx: Tx, key: string, value: string): Promise<void> {
  await tx
    .insertInto('meta')
    .values({ key, value })
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ value }))
    .execute()
}

/** Whether anybody is there, or was. */
export const isUsed = async (db: Reader): Promise<boolean> =>
  (await db.selectFrom('accounts').select('user_nid').limit(1).executeTakeFirst()) !== undefined ||
  (await db.selectFrom('rooms').select('nid').limit(1).executeTakeFirst()) !== undefined

/** Up to where a sequence has been given out; undefined: it was never opened. */
export const readReserved = async (db: Reader | Tx, name: string): Promise<number | undefined> =>
  (await db.selectFrom('sequences').where('name', '=', name).select('reserved').executeTakeFirst())?.reserved

/** Has a sequence go on after a number. */
export async function reserve(tx: Tx, name: string, reserved: number): Promise<void> {
  await tx
    .insertInto('sequences')
    .values({ name, reserved })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ reserved }))
    .execute()
}

/** The largest id of tokens that are there. */
export async function readLastToken(db: Reader | Tx): Promise<number> {
  const last = async (table: 'access_tokens' | 'refresh_tokens'): Promise<number> =>
    (
      await db
        .selectFrom(table)
        .select(({ fn }) => fn.max('id').as('last'))
        .executeTakeFirst()
    )?.last ?? 0
  return Math.max(await last('access_tokens'), await last('refresh_tokens'))
}

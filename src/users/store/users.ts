import { hot, type Reader, type Tx } from '../../storage/index.ts'

const selectNid = hot((db, p: { userId: string }) =>
  db.selectFrom('users').where('user_id', '=', p.userId).select('nid'),
)
const selectName = hot((db, p: { nid: number }) => db.selectFrom('users').where('nid', '=', p.nid).select('user_id'))
const insertUser = hot((db, p: { userId: string }) =>
  db
    .insertInto('users')
    .values({ user_id: p.userId })
    .onConflict((conflict) => conflict.column('user_id').doNothing())
    .returning('nid'),
)

export const readNid = async (db: Reader | Tx, userId: string): Promise<number | undefined> =>
  (await selectNid.first(db, { userId }))?.nid

export const readName = async (db: Reader | Tx, nid: number): Promise<string | undefined> =>
  (await selectName.first(db, { nid }))?.user_id

export const readNames = (db: Reader, nids: readonly number[]): Promise<Array<{ nid: number; user_id: string }>> =>
  db.selectFrom('users').where('nid', 'in', nids).select(['nid', 'user_id']).execute()

/** The short id of a user, given out now if there is none yet. */
export async function internUser(tx: Tx, userId: string): Promise<number> {
  const nid = (await readNid(tx, userId)) ?? (await insertUser.first(tx, { userId }))?.nid
  if (nid === undefined) throw new Error('The user was neither there nor could be added')
  return nid
}

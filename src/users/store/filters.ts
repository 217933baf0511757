import { hot, type Reader, type Tx } from '../../storage/index.ts'

const select = hot((db, p: { user: number; id: number }) =>
  db.selectFrom('filters').where('user_nid', '=', p.user).where('filter_id', '=', p.id).select('json'),
)
const selectByHash = hot((db, p: { user: number; hash: string }) =>
  db.selectFrom('filters').where('user_nid', '=', p.user).where('hash', '=', p.hash).select('filter_id'),
)
const selectLast = hot((db, p: { user: number }) =>
  db
    .selectFrom('filters')
    .where('user_nid', '=', p.user)
    .select((row) => row.fn.max('filter_id').as('last')),
)
const insert = hot((db, p: { user: number; id: number; hash: string; json: string }) =>
  db.insertInto('filters').values({ user_nid: p.user, filter_id: p.id, hash: p.hash, json: p.json }),
)
const trim = hot((db, p: { user: number; upTo: number }) =>
  db.deleteFrom('filters').where('user_nid', '=', p.user).where('filter_id', '<=', p.upTo),
)

export const readFilter = async (db: Reader, user: number, id: number): Promise<string | undefined> =>
  (await select.first(db, { user, id }))?.json

export const readFilterId = async (db: Reader | Tx, user: number, hash: string): Promise<number | undefined> =>
  (await selectByHash.first(db, { user, hash }))?.filter_id

/** Adds a filter and drops those that are `keep` and more before it. Returns its id. */
export async function insertFilter(tx: Tx, user: number, hash: string, json: string, keep: number): Promise<number> {
  const id = ((await selectLast.first(tx, { user }))?.last ?? 0) + 1
  await insert.run(tx, { user, id, hash, json })
  await trim.run(tx, { user, upTo: id - keep })
  return id
}

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
const selectSizes = hot((db, p: { user: number }) =>
  db
    .selectFrom('filters')
    .where('user_nid', '=', p.user)
    .orderBy('filter_id', 'desc')
    .select((row) => ['filter_id', row.fn<number>('length', ['json']).as('size')]),
)
const trim = hot((db, p: { user: number; upTo: number }) =>
  db.deleteFrom('filters').where('user_nid', '=', p.user).where('filter_id', '<=', p.upTo),
)

export const readFilter = async (db: Reader, user: number, id: number): Promise<string | undefined> =>
  (await select.first(db, { user, id }))?.json

export const readFilterId = async (db: Reader | Tx, user: number, hash: string): Promise<number | undefined> =>
  (await selectByHash.first(db, { user, hash }))?.filter_id

/** Adds a filter, and drops the oldest until there are no more than so many of so many characters together. Returns its id. */
export async function insertFilter(
  tx: Tx,
  user: number,
  hash: string,
  json: string,
  most: { readonly filters: number; readonly characters: number },
): Promise<number> {
  const id = ((await selectLast.first(tx, { user }))?.last ?? 0) + 1
  await insert.run(tx, { user, id, hash, json })
  let left = most.characters
  const beyond = (await selectSizes.all(tx, { user })).find(({ size }) => (left -= size) < 0)
  await trim.run(tx, { user, upTo: Math.max(id - most.filters, beyond?.filter_id ?? 0) })
  return id
}

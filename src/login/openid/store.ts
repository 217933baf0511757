import { hot, type Reader, type Tx } from '../../storage/index.ts'

const insert = hot((db, p: { hash: string; user: number; expires: number }) =>
  db.insertInto('openid_tokens').values({ token_hash: p.hash, user_nid: p.user, expires_ts: p.expires }),
)
const deleteExpired = hot((db, p: { now: number }) => db.deleteFrom('openid_tokens').where('expires_ts', '<=', p.now))
const select = hot((db, p: { hash: string; now: number }) =>
  db.selectFrom('openid_tokens').where('token_hash', '=', p.hash).where('expires_ts', '>', p.now).select('user_nid'),
)

/** Keeps a token, and drops those that have run out. */
export async function addOpenIdToken(
  tx: Tx,
  token: { hash: string; user: number; expires: number },
  now: number,
): Promise<void> {
  await deleteExpired.run(tx, { now })
  await insert.run(tx, token)
}

/** Short id of the user whom a token that has not run out was made for. */
export const readOpenIdUser = async (db: Reader, hash: string, now: number): Promise<number | undefined> =>
  (await select.first(db, { hash, now }))?.user_nid

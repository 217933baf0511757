import { MatrixError } from '../matrix/errors.ts'
import type { Reader, Tx } from '../storage/index.ts'
import { type Account, gate } from '../users/index.ts'
import type { SessionParts } from './deps.ts'
import { hashToken, makeToken } from './tokens.ts'

/**
 * Opens a session in which an administrator acts as somebody else: without a device, so that the person is shown none. It ends when
 * it is logged out, when the administrator logs out everywhere or is none any more, and at `until` (ms; null: not by itself). The
 * person's own logout does not end it.
 */
export async function actAs(
  { database, randomId, tokenIds, now }: SessionParts,
  admin: number,
  account: Account,
  until: number | null,
): Promise<string> {
  if (account.nid === admin) throw new MatrixError('M_FORBIDDEN', 'You are signed in as yourself already')
  gate(account, 'login')
  const token = makeToken('access', randomId)
  const id = tokenIds.next()
  await database.write(async (tx) => {
    await tx
      .insertInto('access_tokens')
      .values({
        id,
        token_hash: hashToken(token),
        user_nid: account.nid,
        device_nid: null,
        created_ts: now(),
        expires_ts: until,
        supersedes_id: null,
        acting_nid: admin,
      })
      .execute()
  })
  return token
}

const readActing = (db: Reader | Tx, admin: number): Promise<{ user_nid: number }[]> =>
  db.selectFrom('access_tokens').where('acting_nid', '=', admin).select('user_nid').execute()

/** Ends the sessions in which an administrator acts as others. */
export async function endActing(
  { database, cache }: Pick<SessionParts, 'database' | 'cache'>,
  admin: number,
): Promise<void> {
  const acting = await readActing(database.read, admin)
  if (acting.length === 0) return
  await database.write(async (tx) => {
    await tx.deleteFrom('access_tokens').where('acting_nid', '=', admin).execute()
  })
  for (const { user_nid: user } of acting) cache.revoke(user, (session) => session.device === null)
}

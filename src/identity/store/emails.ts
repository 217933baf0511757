import type { Reader, Tx } from '../../storage/index.ts'

/** Whose address it is. */
export const readOwner = async (db: Reader | Tx, address: string): Promise<number | undefined> =>
  (await db.selectFrom('emails').where('address', '=', address).select('user_nid').executeTakeFirst())?.user_nid

export const readEmails = (
  db: Reader,
  user: number,
): Promise<Array<{ address: string; validated_ts: number; added_ts: number }>> =>
  db
    .selectFrom('emails')
    .where('user_nid', '=', user)
    .orderBy('added_ts')
    .select(['address', 'validated_ts', 'added_ts'])
    .execute()

/** False when the address is somebody else's. */
export async function addEmail(
  tx: Tx,
  user: number,
  address: string,
  validated: number,
  now: number,
): Promise<boolean> {
  const owner = await readOwner(tx, address)
  if (owner !== undefined) return owner === user
  await tx
    .insertInto('emails')
    .values({ address, user_nid: user, validated_ts: validated, added_ts: now, provider: null })
    .execute()
  return true
}

export async function deleteEmail(tx: Tx, user: number, address: string): Promise<void> {
  await tx.deleteFrom('emails').where('user_nid', '=', user).where('address', '=', address).execute()
  // What was asked for while the address was theirs is worth nothing any more.
  await tx.deleteFrom('email_validations').where('address', '=', address).where('purpose', '=', 'password').execute()
}

export async function deleteEmailsOf(tx: Tx, user: number): Promise<void> {
  await tx.deleteFrom('emails').where('user_nid', '=', user).execute()
  await tx.deleteFrom('email_validations').where('user_nid', '=', user).execute()
}

/** Has the mail address that a provider names take the place of what it named before. False when the address is somebody else's. */
export const replaceEmail = async (
  tx: Tx,
  { user, address, provider, now }: { user: number; address: string; provider: string; now: number },
): Promise<boolean> => {
  const owner = await tx.selectFrom('emails').where('address', '=', address).select('user_nid').executeTakeFirst()
  if (owner) return owner.user_nid === user
  await tx.deleteFrom('emails').where('user_nid', '=', user).where('provider', '=', provider).execute()
  await tx
    .insertInto('emails')
    .values({ address, user_nid: user, validated_ts: now, added_ts: now, provider })
    .execute()
  return true
}

import type { EmailValidationsTable, Reader, Tx } from '../../storage/index.ts'

/** What an address is confirmed for. A confirmation is good for this alone. */
export type Purpose = 'register' | 'add' | 'password'

export type ValidationRow = Readonly<EmailValidationsTable>

export const readValidation = (
  tx: Tx,
  purpose: Purpose,
  address: string,
  secretHash: string,
): Promise<ValidationRow | undefined> =>
  tx
    .selectFrom('email_validations')
    .where('purpose', '=', purpose)
    .where('address', '=', address)
    .where('secret_hash', '=', secretHash)
    .selectAll()
    .executeTakeFirst()

export const readValidationOf = (db: Reader | Tx, sid: string): Promise<ValidationRow | undefined> =>
  db.selectFrom('email_validations').where('sid', '=', sid).selectAll().executeTakeFirst()

/** How many mails went to the address lately: of what has not expired and was not used. */
export async function countSent(tx: Tx, address: string): Promise<number> {
  const rows = await tx.selectFrom('email_validations').where('address', '=', address).select('sent').execute()
  return rows.reduce((sum, { sent }) => sum + sent, 0)
}

export async function saveValidation(tx: Tx, row: ValidationRow): Promise<void> {
  const { sid: _, ...rest } = row
  await tx
    .insertInto('email_validations')
    .values(row)
    .onConflict((conflict) => conflict.column('sid').doUpdateSet(rest))
    .execute()
}

/** Notes that whoever reads the address's mail has the token. False when nothing waits for it any more. */
export async function validate(tx: Tx, tokenHash: string, now: number): Promise<boolean> {
  const done = await tx
    .updateTable('email_validations')
    .set({ validated_ts: now, token_hash: null })
    .where('token_hash', '=', tokenHash)
    .where('expires_ts', '>', now)
    .returning('sid')
    .execute()
  return done.length > 0
}

export async function isWaiting(db: Reader, tokenHash: string, now: number): Promise<boolean> {
  return (
    (await db
      .selectFrom('email_validations')
      .where('token_hash', '=', tokenHash)
      .where('expires_ts', '>', now)
      .select('sid')
      .executeTakeFirst()) !== undefined
  )
}

export async function deleteValidation(tx: Tx, sid: string): Promise<void> {
  await tx.deleteFrom('email_validations').where('sid', '=', sid).execute()
}

export async function deleteExpired(tx: Tx, now: number): Promise<void> {
  await tx.deleteFrom('email_validations').where('expires_ts', '<=', now).execute()
}

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

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

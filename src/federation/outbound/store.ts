import { hot, type Reader, type Tx } from '../../storage/index.ts'

export type DebtKind = 'room' | 'user'

export interface Debt {
  readonly kind: DebtKind
  readonly nid: number
}

/** A message to devices of another server. */
export interface Mail {
  readonly nid: number
  readonly json: string
}

const mark = 'federation_position'

/** Everything up to here has been told to everybody, or is owed to them by name; undefined before anybody was told anything. */
export async function readMark(db: Reader): Promise<number | undefined> {
  const row = await db.selectFrom('meta').where('key', '=', mark).select('value').executeTakeFirst()
  return row && Number(row.value)
}

export async function saveMark(tx: Tx, position: number): Promise<void> {
  const value = String(position)
  await tx
    .insertInto('meta')
    .values({ key: mark, value })
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ value }))
    .execute()
}

/** The servers that something is owed to. */
export const readDebtors = async (db: Reader): Promise<string[]> =>
  (await db.selectFrom('destination_debts').select('server').distinct().execute()).map(({ server }) => server)

/** The servers that a message waits for. */
export const readAddressees = async (db: Reader): Promise<string[]> =>
  (await db.selectFrom('destination_mail').select('server').distinct().execute()).map(({ server }) => server)

export const readDebts = (db: Reader, server: string, limit: number): Promise<Debt[]> =>
  db
    .selectFrom('destination_debts')
    .where('server', '=', server)
    .orderBy('kind')
    .orderBy('nid')
    .limit(limit)
    .select(['kind', 'nid'])
    .execute()

export async function addDebts(tx: Tx, server: string, debts: readonly Debt[]): Promise<void> {
  for (const { kind, nid } of debts)
    await tx
      .insertInto('destination_debts')
      .values({ server, kind, nid })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
}

export async function removeDebts(tx: Tx, server: string, debts: readonly Debt[]): Promise<void> {
  for (const { kind, nid } of debts)
    await tx
      .deleteFrom('destination_debts')
      .where('server', '=', server)
      .where('kind', '=', kind)
      .where('nid', '=', nid)
      .execute()
}

const insertMail = hot((db, p: { nid: number; server: string; json: string }) =>
  db.insertInto('destination_mail').values({ nid: p.nid, server: p.server, json: p.json }),
)

export async function addMail(tx: Tx, server: string, { nid, json }: Mail): Promise<void> {
  await insertMail.run(tx, { nid, server, json })
}

/** The oldest messages for a server. */
export const readMail = (db: Reader, server: string, limit: number): Promise<Mail[]> =>
  db
    .selectFrom('destination_mail')
    .where('server', '=', server)
    .orderBy('nid')
    .limit(limit)
    .select(['nid', 'json'])
    .execute()

export async function removeMail(tx: Tx, server: string, upTo: number): Promise<void> {
  await tx.deleteFrom('destination_mail').where('server', '=', server).where('nid', '<=', upTo).execute()
}

/** Keeps the newest messages for a server only: one that never comes back must not fill the disk. */
export async function trimMail(tx: Tx, server: string, keep: number): Promise<void> {
  const oldest = await tx
    .selectFrom('destination_mail')
    .where('server', '=', server)
    .orderBy('nid', 'desc')
    .offset(keep)
    .limit(1)
    .select('nid')
    .executeTakeFirst()
  if (oldest) await removeMail(tx, server, oldest.nid)
}

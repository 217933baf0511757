import { hot, type Reader, type Tx } from '../../storage/index.ts'

/** What waits for a device, in short. */
export interface Mailbox {
  user_nid: number
  /** Position of the newest message that waits; 0 when none does. */
  newest: number
  cut_token: number | null
  cut_position: number | null
}

const insert = hot((db, p: { device_nid: number; position: number; json: string }) =>
  db.insertInto('to_device').values({ device_nid: p.device_nid, position: p.position, json: p.json }),
)
const select = hot((db, p: { device: number; after: number; until: number; limit: number }) =>
  db
    .selectFrom('to_device')
    .where('device_nid', '=', p.device)
    .where('position', '>', p.after)
    .where('position', '<=', p.until)
    .orderBy('position')
    .limit(p.limit)
    .select(['position', 'json']),
)
const remove = hot((db, p: { device: number; upTo: number }) =>
  db.deleteFrom('to_device').where('device_nid', '=', p.device).where('position', '<=', p.upTo),
)
const selectMailbox = hot((db, p: { device: number }) =>
  db
    .selectFrom('devices')
    .where('nid', '=', p.device)
    .select((row) => [
      'user_nid',
      'cut_token',
      'cut_position',
      row
        .selectFrom('to_device')
        .where('device_nid', '=', p.device)
        .select((message) => message.fn.max('position').as('newest'))
        .as('newest'),
    ]),
)
const updateCut = hot((db, p: { device: number; token: number; position: number }) =>
  db.updateTable('devices').where('nid', '=', p.device).set({ cut_token: p.token, cut_position: p.position }),
)
const trim = hot((db, p: { device: number; keep: number }) =>
  db
    .deleteFrom('to_device')
    .where('device_nid', '=', p.device)
    .where('position', '<=', (row) =>
      row
        .selectFrom('to_device as kept')
        .where('kept.device_nid', '=', p.device)
        .orderBy('kept.position', 'desc')
        .limit(1)
        .offset(p.keep)
        .select('kept.position'),
    ),
)
const insertTxn = hot((db, p: { sender: number; type: string; txnId: string; ts: number }) =>
  db
    .insertInto('to_device_txns')
    .values({ sender: p.sender, type: p.type, txn_id: p.txnId, created_ts: p.ts })
    .onConflict((conflict) => conflict.columns(['sender', 'type', 'txn_id']).doNothing())
    .returning('sender'),
)
const trimTxns = hot((db, p: { sender: number; keep: number }) =>
  db
    .deleteFrom('to_device_txns')
    .where('sender', '=', p.sender)
    .where('created_ts', '<', (row) =>
      row
        .selectFrom('to_device_txns as kept')
        .where('kept.sender', '=', p.sender)
        .orderBy('kept.created_ts', 'desc')
        .limit(1)
        .offset(p.keep)
        .select('kept.created_ts'),
    ),
)

export async function insertMessage(tx: Tx, device: number, position: number, json: string): Promise<void> {
  await insert.run(tx, { device_nid: device, position, json })
}

/** The oldest messages in `(after, until]`. */
export const readMessages = (
  db: Reader,
  device: number,
  after: number,
  until: number,
  limit: number,
): Promise<Array<{ position: number; json: string }>> => select.all(db, { device, after, until, limit })

export async function deleteMessages(tx: Tx, device: number, upTo: number): Promise<void> {
  await remove.run(tx, { device, upTo })
}

/** Undefined when there is no such device. */
export async function readMailbox(db: Reader, device: number): Promise<Mailbox | undefined> {
  const row = await selectMailbox.first(db, { device })
  return row && { ...row, newest: row.newest ?? 0 }
}

export async function saveCut(tx: Tx, device: number, token: number, position: number): Promise<void> {
  await updateCut.run(tx, { device, token, position })
}

/** Deletes all but the newest messages of a device. */
export async function trimMessages(tx: Tx, device: number, keep: number): Promise<void> {
  await trim.run(tx, { device, keep })
}

/** False when the sender has done this before. */
export const noteTxn = async (tx: Tx, sender: number, type: string, txnId: string, ts: number): Promise<boolean> =>
  (await insertTxn.first(tx, { sender, type, txnId, ts })) !== undefined

/** Forgets all but about the newest transactions of a sender. */
export async function trimTransactions(tx: Tx, sender: number, keep: number): Promise<void> {
  await trimTxns.run(tx, { sender, keep })
}

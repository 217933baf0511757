import { hot, type Reader, type ToDeviceSharedTable, type Tx } from '../../storage/index.ts'

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
const insertShared = hot((db, p: ToDeviceSharedTable) =>
  db.insertInto('to_device_shared').values({ user_nid: p.user_nid, position: p.position, json: p.json }),
)
const selectShared = hot((db, p: { device: number; from: number; to: number }) =>
  db
    .selectFrom('to_device_shared')
    .where('user_nid', '=', (row) => row.selectFrom('devices').where('nid', '=', p.device).select('user_nid'))
    .where('position', '>=', p.from)
    .where('position', '<=', p.to)
    .select(['position', 'json']),
)
/** What no device waits for any more. */
const removeShared = hot((db, p: { user: number; upTo: number }) =>
  db
    .deleteFrom('to_device_shared')
    .where('user_nid', '=', p.user)
    .where('position', '<=', p.upTo)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('devices')
            .innerJoin('to_device', 'to_device.device_nid', 'devices.nid')
            .where('devices.user_nid', '=', p.user)
            .whereRef('to_device.position', '=', 'to_device_shared.position')
            .select('to_device.position'),
        ),
      ),
    ),
)
/** Of a user's devices together, the newest first; what is stored once counts once. */
const selectSizes = hot((db, p: { user: number }) =>
  db
    .selectFrom('devices')
    .innerJoin('to_device', 'to_device.device_nid', 'devices.nid')
    .where('devices.user_nid', '=', p.user)
    .select((row) => ['to_device.position', row.fn<number>('octet_length', ['to_device.json']).as('size')])
    .unionAll(
      db
        .selectFrom('to_device_shared')
        .where('user_nid', '=', p.user)
        .select((row) => ['position', row.fn<number>('octet_length', ['json']).as('size')]),
    )
    .orderBy('position', 'desc'),
)
const removeOf = hot((db, p: { user: number; upTo: number }) =>
  db
    .deleteFrom('to_device')
    .where('device_nid', 'in', (row) => row.selectFrom('devices').where('user_nid', '=', p.user).select('nid'))
    .where('position', '<=', p.upTo),
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
  insert.later(tx, { device_nid: device, position, json })
}

/** One content for several devices of a user, whose own rows are empty. */
export async function insertSharedContent(tx: Tx, user: number, position: number, json: string): Promise<void> {
  insertShared.later(tx, { user_nid: user, position, json })
}

/** The oldest messages in `(after, until]`. */
export async function readMessages(
  db: Reader,
  device: number,
  after: number,
  until: number,
  limit: number,
): Promise<Array<{ position: number; json: string }>> {
  const rows = await select.all(db, { device, after, until, limit })
  const empty = rows.filter(({ json }) => json === '')
  const [from, to] = [empty[0]?.position, empty.at(-1)?.position]
  if (from === undefined || to === undefined) return rows
  const shared = new Map((await selectShared.all(db, { device, from, to })).map((row) => [row.position, row.json]))
  return rows.flatMap(({ position, json }) => {
    const text = json === '' ? shared.get(position) : json
    return text === undefined ? [] : [{ position, json: text }]
  })
}

export async function deleteMessages(tx: Tx, user: number, device: number, upTo: number): Promise<void> {
  remove.later(tx, { device, upTo })
  removeShared.later(tx, { user, upTo })
}

/** Deletes shared contents that no device of the user waits for any more. */
export async function deleteUnwaited(tx: Tx, user: number): Promise<void> {
  removeShared.later(tx, { user, upTo: Number.MAX_SAFE_INTEGER })
}

/** Deletes the oldest messages of all of a user's devices, until there are no more than so many rows, of so many bytes together. */
export async function trimAccount(tx: Tx, user: number, most: { rows: number; bytes: number }): Promise<void> {
  let { rows, bytes } = most
  const beyond = (await selectSizes.all(tx, { user })).find(({ size }) => (rows -= 1) < 0 || (bytes -= size) < 0)
  if (!beyond) return
  removeOf.later(tx, { user, upTo: beyond.position })
  removeShared.later(tx, { user, upTo: beyond.position })
}

/** Undefined when there is no such device. */
export async function readMailbox(db: Reader, device: number): Promise<Mailbox | undefined> {
  const row = await selectMailbox.first(db, { device })
  return row && { ...row, newest: row.newest ?? 0 }
}

export async function saveCut(tx: Tx, device: number, token: number, position: number): Promise<void> {
  updateCut.later(tx, { device, token, position })
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

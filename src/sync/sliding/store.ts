import { hot, type Reader, type ReceiptsTable, type Tx } from '../../storage/index.ts'

const select = hot((db, p: { owner: number; id: string }) =>
  db
    .selectFrom('sync_connections')
    .where('owner', '=', p.owner)
    .where('conn_id', '=', p.id)
    .select(['state', 'saved_ts']),
)
const upsert = hot((db, p: { owner: number; id: string; state: string; ts: number }) =>
  db
    .insertInto('sync_connections')
    .values({ owner: p.owner, conn_id: p.id, state: p.state, saved_ts: p.ts })
    .onConflict((conflict) =>
      conflict
        .columns(['owner', 'conn_id'])
        .doUpdateSet((row) => ({ state: row.ref('excluded.state'), saved_ts: row.ref('excluded.saved_ts') })),
    ),
)
const selectOf = hot((db, p: { owner: number }) =>
  db.selectFrom('sync_connections').where('owner', '=', p.owner).orderBy('saved_ts', 'desc').select('conn_id'),
)
const deleteOne = hot((db, p: { owner: number; id: string }) =>
  db.deleteFrom('sync_connections').where('owner', '=', p.owner).where('conn_id', '=', p.id),
)
const deleteOlder = hot((db, p: { ts: number }) => db.deleteFrom('sync_connections').where('saved_ts', '<', p.ts))

export const readConnection = (
  db: Reader,
  owner: number,
  id: string,
): Promise<{ state: string; saved_ts: number } | undefined> => select.first(db, { owner, id })

/** Writes a connection down. Of the owner's others only the `most` newest stay. */
export async function saveConnection(
  tx: Tx,
  owner: number,
  id: string,
  state: string,
  ts: number,
  most: number | undefined,
): Promise<void> {
  upsert.later(tx, { owner, id, state, ts })
  if (most === undefined) return
  const others = (await selectOf.all(tx, { owner })).map((row) => row.conn_id).filter((other) => other !== id)
  for (const other of others.slice(most - 1)) await deleteOne.run(tx, { owner, id: other })
}

export async function deleteUnused(tx: Tx, beforeTs: number): Promise<void> {
  await deleteOlder.run(tx, { ts: beforeTs })
}

export async function deleteConnectionsOf(tx: Tx, owners: readonly number[]): Promise<void> {
  for (let start = 0; start < owners.length; start += 500) {
    await tx
      .deleteFrom('sync_connections')
      .where('owner', 'in', owners.slice(start, start + 500))
      .execute()
  }
}

/** What a list of rooms is made of. */
export interface ListedRow {
  readonly nid: number
  readonly room_id: string
  readonly bump_position: number
  readonly latest_position: number
  readonly room_type: string | null
  readonly encryption: string | null
}

/** Well below what either database allows in one statement. */
const atOnce = 500

export async function readListedRooms(db: Reader, nids: readonly number[]): Promise<ListedRow[]> {
  const rows: ListedRow[] = []
  for (let start = 0; start < nids.length; start += atOnce) {
    rows.push(
      ...(await db
        .selectFrom('rooms')
        .where('nid', 'in', nids.slice(start, start + atOnce))
        .select(['nid', 'room_id', 'bump_position', 'latest_position', 'room_type', 'encryption'])
        .execute()),
    )
  }
  return rows
}

const ofType = hot((db, p: { user: number; type: string }) =>
  db
    .selectFrom('account_data')
    .where('user_nid', '=', p.user)
    .where('type', '=', p.type)
    .select(['room_nid', 'content', 'position']),
)

/** One type of a user's account data, of all rooms and of none (0). */
export const readAccountDataOfType = (
  db: Reader,
  user: number,
  type: string,
): Promise<Array<{ room_nid: number; content: string; position: number }>> => ofType.all(db, { user, type })

/** A user's account data of some rooms, as it is at `until` or later. */
export async function readRoomAccountData(
  db: Reader,
  user: number,
  rooms: readonly number[],
): Promise<Array<{ room_nid: number; type: string; content: string; position: number }>> {
  const rows = []
  for (let start = 0; start < rooms.length; start += atOnce) {
    rows.push(
      ...(await db
        .selectFrom('account_data')
        .where('user_nid', '=', user)
        .where('room_nid', 'in', rooms.slice(start, start + atOnce))
        .select(['room_nid', 'type', 'content', 'position'])
        .execute()),
    )
  }
  return rows
}

/** The member events of some, and what the one before each says. */
export async function readMembersBefore(
  db: Reader,
  nids: readonly number[],
): Promise<Array<{ nid: number; position: number | null; before: number | null; json: string | null }>> {
  const rows = []
  for (let start = 0; start < nids.length; start += atOnce) {
    rows.push(
      ...(await db
        .selectFrom('events')
        .leftJoin('events as former', 'former.nid', 'events.replaces_nid')
        .where('events.nid', 'in', nids.slice(start, start + atOnce))
        .select(['events.nid', 'events.position', 'events.replaces_nid as before', 'former.json'])
        .execute()),
    )
  }
  return rows
}

const readOn = hot((db, p: { user: number; since: number }) =>
  db.selectFrom('receipts').where('user_nid', '=', p.user).where('position', '>', p.since).select('room_nid'),
)

/** The rooms that a user has sent receipts in after `since`. */
export const readRoomsReadOn = async (db: Reader, user: number, since: number): Promise<Set<number>> =>
  new Set((await readOn.all(db, { user, since })).map((row) => row.room_nid))

export type ReceiptRow = Pick<ReceiptsTable, 'room_nid' | 'user_nid' | 'type' | 'thread' | 'event_id' | 'ts'>

/** The user's own receipts in some rooms, and those of others for some events of these. */
export async function readReceiptsFor(
  db: Reader,
  user: number,
  rooms: readonly number[],
  events: readonly string[],
): Promise<ReceiptRow[]> {
  return db
    .selectFrom('receipts')
    .where('room_nid', 'in', rooms)
    .where((row) =>
      row.or([
        row('user_nid', '=', user),
        ...(events.length > 0 ? [row.and([row('event_id', 'in', events), row('type', '=', 'm.read')])] : []),
      ]),
    )
    .orderBy('position')
    .select(['room_nid', 'user_nid', 'type', 'thread', 'event_id', 'ts'])
    .execute()
}

export interface ThreadRow {
  readonly room_nid: number
  readonly thread_root: string | null
  /** Position of the newest event. */
  readonly latest: number
  readonly events: number
}

/** Threads of some rooms with events in `(since, until]`, the one with the newest event first. */
export async function readThreads(
  db: Reader,
  rooms: readonly number[],
  since: number,
  until: number,
  limit: number,
): Promise<ThreadRow[]> {
  const found: ThreadRow[] = []
  for (let start = 0; start < rooms.length; start += atOnce) {
    const rows = await db
      .selectFrom('events')
      .where('room_nid', 'in', rooms.slice(start, start + atOnce))
      .where('thread_root', 'is not', null)
      .where('position', '>', since)
      .where('position', '<=', until)
      .where('standing', '=', 0)
      .groupBy(['room_nid', 'thread_root'])
      .select((row) => [
        'room_nid',
        'thread_root',
        row.fn.max('position').as('latest'),
        row.fn.countAll<number>().as('events'),
      ])
      .orderBy('latest', 'desc')
      .limit(limit)
      .execute()
    found.push(...rows.map((row) => ({ ...row, latest: Number(row.latest) })))
  }
  return found.sort((a, b) => b.latest - a.latest).slice(0, limit)
}

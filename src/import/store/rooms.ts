import { standings } from '../../events/index.ts'
import type { Reader, RoomsTable, Tx } from '../../storage/index.ts'

/** How far a room has come: the newest and the oldest place of its events; undefined while there are none. */
export async function readReach(db: Reader, room: number): Promise<{ newest: number; oldest: number } | undefined> {
  const row = await db
    .selectFrom('events')
    .where('room_nid', '=', room)
    .where('position', 'is not', null)
    .select(({ fn }) => [fn.max('position').as('newest'), fn.min('position').as('oldest')])
    .executeTakeFirst()
  return row && row.newest !== null && row.oldest !== null ? { newest: row.newest, oldest: row.oldest } : undefined
}

/** Events without a place, after one. */
export const readUnplaced = (
  db: Reader,
  room: number,
  after: number,
  limit: number,
): Promise<{ nid: number; event_id: string }[]> =>
  db
    .selectFrom('events')
    .where('room_nid', '=', room)
    .where('position', 'is', null)
    .where('nid', '>', after)
    .orderBy('nid')
    .limit(limit)
    .select(['nid', 'event_id'])
    .execute()

/** Place of the newest event, of one of some types. */
export async function readNewest(db: Reader, room: number, types?: readonly string[]): Promise<number> {
  const row = await db
    .selectFrom('events')
    .where('room_nid', '=', room)
    .where('position', 'is not', null)
    .where('standing', '=', standings.accepted)
    .$if(types !== undefined, (query) => query.where('type', 'in', types ?? []))
    .select(({ fn }) => fn.max('position').as('newest'))
    .executeTakeFirst()
  return row?.newest ?? 0
}

export async function updateRoomRow(tx: Tx, room: number, values: Partial<RoomsTable>): Promise<void> {
  await tx.updateTable('rooms').set(values).where('nid', '=', room).execute()
}

export async function clearMembers(tx: Tx, room: number): Promise<void> {
  await tx.deleteFrom('memberships').where('room_nid', '=', room).execute()
}

export interface EventText {
  readonly nid: number
  readonly event_id: string
  readonly json: string
  readonly position: number | null
  readonly sender_nid: number
  readonly redacted_by: number | null
}

export const readTexts = (db: Reader, ids: readonly string[]): Promise<EventText[]> =>
  ids.length === 0
    ? Promise.resolve([])
    : db
        .selectFrom('events')
        .where('event_id', 'in', ids)
        .select(['nid', 'event_id', 'json', 'position', 'sender_nid', 'redacted_by'])
        .execute()

export const readTextsByNid = (db: Reader, nids: readonly number[]): Promise<EventText[]> =>
  nids.length === 0
    ? Promise.resolve([])
    : db
        .selectFrom('events')
        .where('nid', 'in', nids)
        .select(['nid', 'event_id', 'json', 'position', 'sender_nid', 'redacted_by'])
        .execute()

/** Puts what a redaction leaves of an event in its place. */
export async function saveRedacted(tx: Tx, nid: number, json: string, by: number): Promise<void> {
  await tx.updateTable('events').set({ json, redacted_by: by }).where('nid', '=', nid).execute()
  await tx.deleteFrom('relations').where('event_nid', '=', nid).execute()
}

export const countEvents = async (db: Reader, room: number): Promise<number> => {
  const row = await db
    .selectFrom('events')
    .where('room_nid', '=', room)
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .executeTakeFirst()
  return row?.count ?? 0
}

/** Gives the member event of somebody who is in no such room its place, with what it says besides. */
export async function placeOutside(tx: Tx, nid: number, position: number, json: string): Promise<void> {
  await tx.updateTable('events').set({ position, json }).where('nid', '=', nid).execute()
}

/** Events with their places and states. */
export const readPlaced = (db: Reader, ids: readonly string[]) =>
  ids.length === 0
    ? Promise.resolve([])
    : db
        .selectFrom('events')
        .where('event_id', 'in', ids)
        .select([
          'event_id',
          'room_nid',
          'position',
          'json',
          'redacted_by',
          'state_nid',
          'state_key',
          'standing',
          'replaces_nid',
        ])
        .execute()

export const readRoomRow = (db: Reader, roomId: string) =>
  db.selectFrom('rooms').where('room_id', '=', roomId).select(['nid', 'version', 'state_nid']).executeTakeFirst()

/** Some rooms after one, in the order in which they came here. */
export const readSomeRooms = (db: Reader, after: number, limit: number): Promise<{ nid: number; room_id: string }[]> =>
  db.selectFrom('rooms').where('nid', '>', after).orderBy('nid').limit(limit).select(['nid', 'room_id']).execute()

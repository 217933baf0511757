import { sql } from 'kysely'
import { hot, type AliasesTable, type Reader, type RoomsTable, type Tx } from '../storage/index.ts'

const findAlias = hot((db, p: { alias: string }) => db.selectFrom('aliases').where('alias', '=', p.alias).selectAll())

const addAlias = hot((db, p: AliasesTable) =>
  db
    .insertInto('aliases')
    .values({ alias: p.alias, room_nid: p.room_nid, creator_nid: p.creator_nid })
    .onConflict((conflict) => conflict.doNothing()),
)

const removeAlias = hot((db, p: { alias: string; room: number }) =>
  db.deleteFrom('aliases').where('alias', '=', p.alias).where('room_nid', '=', p.room),
)

const aliasesOf = hot((db, p: { room: number }) =>
  db.selectFrom('aliases').where('room_nid', '=', p.room).orderBy('alias').selectAll(),
)

export const readAlias = (db: Reader, alias: string): Promise<AliasesTable | undefined> =>
  findAlias.first(db, { alias })

export const readAliases = (db: Reader, room: number): Promise<AliasesTable[]> => aliasesOf.all(db, { room })

/** False: the alias is taken. */
export const insertAlias = async (tx: Tx, alias: AliasesTable): Promise<boolean> => (await addAlias.run(tx, alias)) > 0

/** False: it led to another room, or nowhere. */
export const deleteAlias = async (tx: Tx, alias: string, room: number): Promise<boolean> =>
  (await removeAlias.run(tx, { alias, room })) > 0

/** Points those of the aliases that still lead to `from` to `to`. */
export async function moveAliases(tx: Tx, aliases: readonly string[], from: number, to: number): Promise<void> {
  await tx
    .updateTable('aliases')
    .set({ room_nid: to })
    .where('room_nid', '=', from)
    .where('alias', 'in', aliases)
    .execute()
}

/** A place in the list of published rooms, which begins with the largest. */
export interface Place {
  readonly joined: number
  readonly nid: number
}

/** Written out, since an index of a part of a table serves only queries that name the part. */
const published = sql.lit(1)

/** A list of rooms: of a network that an application service leads to, or this server's and all of these together. */
export type RoomList = 'everything' | { readonly appservice: string; readonly network: string }

const roomsIn = (db: Reader, list: RoomList | undefined) => {
  const rooms = db.selectFrom('rooms').where('joined_members', '>', 0)
  if (list === undefined) return rooms.where('published', '=', published)
  const listed = db.selectFrom('appservice_rooms').select('room_nid')
  if (list === 'everything')
    return rooms.where((eb) => eb.or([eb('published', '=', published), eb('nid', 'in', listed)]))
  return rooms.where('nid', 'in', listed.where('appservice', '=', list.appservice).where('network', '=', list.network))
}

/** Puts a room on the list of a network, or takes it off. */
export async function setListed(
  tx: Tx,
  appservice: string,
  network: string,
  room: number,
  listed: boolean,
): Promise<void> {
  if (listed)
    await tx
      .insertInto('appservice_rooms')
      .values({ appservice, network, room_nid: room })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
  else
    await tx
      .deleteFrom('appservice_rooms')
      .where('appservice', '=', appservice)
      .where('network', '=', network)
      .where('room_nid', '=', room)
      .execute()
}

/** Listed rooms next to a place (which is not among them): after it in the order of the list, or before it, nearest first. */
export function readPublished(
  db: Reader,
  place: Place,
  dir: 'after' | 'before',
  limit: number,
  list?: RoomList,
): Promise<RoomsTable[]> {
  const order = dir === 'after' ? 'desc' : 'asc'
  return roomsIn(db, list)
    .where(({ eb, refTuple, tuple }) =>
      eb(refTuple('joined_members', 'nid'), dir === 'after' ? '<' : '>', tuple(place.joined, place.nid)),
    )
    .orderBy('joined_members', order)
    .orderBy('nid', order)
    .limit(limit)
    .selectAll()
    .execute()
}

export async function readPublishedCount(db: Reader, list?: RoomList): Promise<number> {
  const { count } = await roomsIn(db, list)
    .select((query) => query.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  return count
}

const atOnce = 500

/** The aliases of several rooms, by room. */
export async function readAliasesOfMany(db: Reader, rooms: readonly number[]): Promise<Map<number, string[]>> {
  const found = new Map<number, string[]>()
  for (let start = 0; start < rooms.length; start += atOnce) {
    const rows = await db
      .selectFrom('aliases')
      .where('room_nid', 'in', rooms.slice(start, start + atOnce))
      .select(['room_nid', 'alias'])
      .execute()
    for (const { room_nid: room, alias } of rows) found.set(room, [...(found.get(room) ?? []), alias])
  }
  return found
}

/** The rows of rooms, by room id; unknown ones are left out. */
export async function readRooms(db: Reader, roomIds: readonly string[]): Promise<Map<string, RoomsTable>> {
  const found = new Map<string, RoomsTable>()
  for (let start = 0; start < roomIds.length; start += atOnce) {
    const rows = await db
      .selectFrom('rooms')
      .where('room_id', 'in', roomIds.slice(start, start + atOnce))
      .selectAll()
      .execute()
    for (const row of rows) found.set(row.room_id, row)
  }
  return found
}

import { sql } from 'kysely'
import { inParts } from '../store/events.ts'
import { hot, type Database, type Reader, type Tx } from '../../storage/index.ts'
import type { Query, Term } from './query.ts'
import { searchKeys, type SearchKey } from './text.ts'

/** What is in the index for one text. */
export interface IndexedText {
  /** Twice the short id of the event, one more for the text of its newest edit: sorts by event. */
  readonly rowid: number
  readonly room: number
  readonly sender: number
  readonly key: SearchKey
  readonly words: readonly string[]
}

export interface Wanted {
  readonly query: Query
  readonly rooms: readonly number[]
  /** Undefined: anybody. */
  readonly senders: readonly number[] | undefined
  readonly keys: readonly SearchKey[]
  /** Row ids before this one only. */
  readonly below: number
  readonly limit: number
}

/** The rows of an event: its own text, and that of its newest edit. */
export const rowOf = (nid: number): number => 2 * nid
export const editRowOf = (nid: number): number => 2 * nid + 1
/** The event of a row. */
export const eventOf = (rowid: number): number => Math.floor(rowid / 2)

const roomWord = (room: number): string => `r${room}`
const senderWord = (sender: number): string => `s${sender}`
const keyWord = (key: SearchKey): string => `k${searchKeys.indexOf(key)}`

const putSqlite = hot((db, p: { rowid: number; place: string; words: string }) => ({
  compile: () =>
    sql`insert or replace into search_index (rowid, place, words) values (${p.rowid}, ${p.place}, ${p.words})`.compile(
      db,
    ),
}))

const putPostgres = hot((db, p: { rowid: number; words: string }) => ({
  compile: () =>
    sql`insert into search_index (rowid, words) values (${p.rowid}, cast(cast(${p.words} as text) as tsvector))
    on conflict (rowid) do update set words = excluded.words`.compile(db),
}))

const remove = hot((db, p: { rowid: number }) => db.deleteFrom('search_index').where('rowid', '=', p.rowid))

const findSqlite = hot((db, p: { wanted: string; below: number; limit: number }) => ({
  compile: () =>
    sql<{ rowid: number }>`select rowid from search_index where search_index match ${p.wanted} and rowid < ${p.below}
    order by rowid desc limit ${p.limit}`.compile(db),
}))

// Apart from the rest, so that the index of words is always the one that is used.
const findPostgres = hot((db, p: { wanted: string; below: number; limit: number }) => ({
  compile: () =>
    sql<{
      rowid: number
    }>`with found as materialized (select rowid from search_index where words @@ cast(cast(${p.wanted} as text) as tsquery))
    select rowid from found where rowid < ${p.below} order by rowid desc limit ${p.limit}`.compile(db),
}))

/** Beyond, PostgreSQL keeps no place of a word. */
const [lastPlace, mostPlaces] = [16_383, 255]

/** A tsvector as PostgreSQL reads it. Words have letters and digits alone; what begins with a dot is no word of a text. */
function vectorOf(place: readonly string[], words: readonly string[]): string {
  const at = new Map<string, number[]>()
  for (const [index, word] of words.entries()) {
    const places = at.get(word)
    if (!places) at.set(word, [Math.min(index + 1, lastPlace)])
    else if (places.length < mostPlaces && index < lastPlace) places.push(index + 1)
  }
  return [
    ...place.map((word) => `'.${word}'`),
    ...Array.from(at, ([word, places]) => `'${word}':${places.join(',')}`),
  ].join(' ')
}

export async function putText(
  tx: Tx,
  dialect: Database['dialect'],
  { rowid, room, sender, key, words }: IndexedText,
): Promise<void> {
  const place = [roomWord(room), senderWord(sender), keyWord(key)]
  if (dialect === 'sqlite') putSqlite.later(tx, { rowid, place: place.join(' '), words: words.join(' ') })
  else putPostgres.later(tx, { rowid, words: vectorOf(place, words) })
}

export async function deleteText(tx: Tx, rowid: number): Promise<void> {
  await remove.run(tx, { rowid })
}

const linkEdit = hot((db, p: { edit: number; target: number }) =>
  db
    .insertInto('search_edits')
    .values({ edit_nid: p.edit, target_nid: p.target })
    .onConflict((conflict) => conflict.doNothing()),
)

const editTarget = hot((db, p: { edit: number }) =>
  db.selectFrom('search_edits').where('edit_nid', '=', p.edit).select('target_nid'),
)

/** Remembers which event an edit belongs to. */
export async function putEdit(tx: Tx, edit: number, target: number): Promise<void> {
  linkEdit.later(tx, { edit, target })
}

/** The event that an edit in the index belongs to. */
export const readEditTarget = async (db: Reader, edit: number): Promise<number | undefined> =>
  (await editTarget.first(db, { edit }))?.target_nid

const ftsTerm = ({ words, open }: Term): string => `"${words.join(' ')}"${open ? ' *' : ''}`
const ftsAny = (words: readonly string[]): string => `place : (${words.map((word) => `"${word}"`).join(' OR ')})`

/** For FTS5; no rooms: any. Every word stands in double quotes, and has letters and digits alone. */
function matchOf({ query, senders, keys }: Wanted, rooms: readonly number[]): string {
  const parts = query.map((term) => `words : ${ftsTerm(term)}`)
  if (rooms.length > 0) parts.push(ftsAny(rooms.map(roomWord)))
  if (senders) parts.push(ftsAny(senders.map(senderWord)))
  if (keys.length < searchKeys.length) parts.push(ftsAny(keys.map(keyWord)))
  return parts.join(' AND ')
}

const tsTerm = ({ words, open }: Term): string =>
  `(${words.map((word, index) => `'${word}'${open && index === words.length - 1 ? ':*' : ''}`).join(' <-> ')})`
const tsAny = (words: readonly string[]): string => `(${words.map((word) => `'.${word}'`).join(' | ')})`

/** For PostgreSQL; no rooms: any. */
function tsqueryOf({ query, senders, keys }: Wanted, rooms: readonly number[]): string {
  const parts = query.map(tsTerm)
  if (rooms.length > 0) parts.push(tsAny(rooms.map(roomWord)))
  if (senders) parts.push(tsAny(senders.map(senderWord)))
  if (keys.length < searchKeys.length) parts.push(tsAny(keys.map(keyWord)))
  return parts.join(' & ')
}

/** Beyond so many rooms, naming them all costs more than looking at what is found elsewhere, unless that is a lot. */
const manyRooms = 100
const mostElsewhere = 2000

const roomsOf = async (db: Reader, nids: readonly number[]): Promise<Map<number, number>> => {
  const rows = await inParts(nids, (part) =>
    db.selectFrom('events').where('nid', 'in', part).select(['nid', 'room_nid']).execute(),
  )
  return new Map(rows.map((row) => [row.nid, row.room_nid]))
}

/** Row ids of texts that fit, those of the newest events first. */
export async function findTexts(database: Database, wanted: Wanted): Promise<number[]> {
  const { below, rooms, senders, keys } = wanted
  if (rooms.length === 0 || keys.length === 0 || senders?.length === 0) return []
  const find = async (limit: number, inRooms: readonly number[]): Promise<number[]> => {
    const rows =
      database.dialect === 'sqlite'
        ? await findSqlite.all(database.read, { wanted: matchOf(wanted, inRooms), below, limit })
        : await findPostgres.all(database.read, { wanted: tsqueryOf(wanted, inRooms), below, limit })
    return rows.map(({ rowid }) => rowid)
  }
  if (rooms.length > manyRooms) {
    const anywhere = await find(mostElsewhere, [])
    if (anywhere.length < mostElsewhere) {
      const mine = new Set(rooms)
      const roomAt = await roomsOf(database.read, [...new Set(anywhere.map(eventOf))])
      return anywhere.filter((rowid) => mine.has(roomAt.get(eventOf(rowid)) ?? 0)).slice(0, wanted.limit)
    }
  }
  return find(wanted.limit, rooms)
}

const cursor = 'search_event'

/** The short id of the newest event that the index has been told of. */
export async function readCursor(db: Reader): Promise<number> {
  return Number((await db.selectFrom('meta').where('key', '=', cursor).select('value').executeTakeFirst())?.value ?? 0)
}

const moveCursor = hot((db, p: { value: string }) =>
  db
    .insertInto('meta')
    .values({ key: cursor, value: p.value })
    .onConflict((conflict) => conflict.column('key').doUpdateSet((row) => ({ value: row.ref('excluded.value') }))),
)

export async function writeCursor(tx: Tx, nid: number): Promise<void> {
  moveCursor.later(tx, { value: String(nid) })
}

/** The next events after a short id that may have to do with the index. */
export async function readEventsAfter(
  db: Reader,
  nid: number,
  limit: number,
): Promise<{ nids: number[]; last: number | undefined }> {
  const found = await db
    .selectFrom('events')
    .where('nid', '>', nid)
    .orderBy('nid')
    .limit(limit)
    .select(['nid', 'type'])
    .execute()
  const types = new Set(['m.room.message', 'm.room.name', 'm.room.topic', 'm.room.redaction'])
  return { nids: found.filter(({ type }) => types.has(type)).map((row) => row.nid), last: found.at(-1)?.nid }
}

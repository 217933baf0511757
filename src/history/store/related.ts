import { sql } from 'kysely'
import { hot, type Reader } from '../../storage/index.ts'
import { inParts } from './events.ts'

/** How many events of one sender relate to an event in one way. */
export interface RelatedGroup {
  target_id: string
  room_nid: number
  rel_type: string
  sender_nid: number
  count: number
  /** Of the newest. */
  position: number
}

/** Relation types that are summarised, as part of a statement. */
const bundledTypes = sql.join(['m.replace', 'm.thread', 'm.reference'].map((type) => sql.lit(type)))

/** What relates to these events and is summarised, by sender. One statement; events without relations cost one look at the index. */
export const readGroups = (db: Reader, targets: readonly string[], upTo: number): Promise<RelatedGroup[]> =>
  inParts(targets, (part) =>
    db
      .selectFrom('relations')
      .where('target_id', 'in', part)
      .where(sql<boolean>`rel_type in (${bundledTypes})`)
      .where('position', '<=', upTo)
      .groupBy(['target_id', 'room_nid', 'rel_type', 'sender_nid'])
      .select([
        'target_id',
        'room_nid',
        'rel_type',
        'sender_nid',
        sql<number>`count(*)`.as('count'),
        sql<number>`max(position)`.as('position'),
      ])
      .execute(),
  )

/** For each event the newest edits by time that its own sender made and that have its type, newest first. Whether they are valid is not known here. */
export const readEdits = (
  db: Reader,
  targets: readonly string[],
  upTo: number,
  each: number,
): Promise<Array<{ target_id: string; event_nid: number }>> =>
  inParts(targets, (part) =>
    db
      .selectFrom(
        db
          .selectFrom('relations')
          .innerJoin('events as edit', 'edit.nid', 'relations.event_nid')
          .innerJoin('events as target', 'target.event_id', 'relations.target_id')
          .where('relations.target_id', 'in', part)
          .where('relations.rel_type', '=', 'm.replace')
          .where('relations.position', '<=', upTo)
          .whereRef('edit.sender_nid', '=', 'target.sender_nid')
          .whereRef('edit.type', '=', 'target.type')
          .whereRef('edit.room_nid', '=', 'target.room_nid')
          .where('edit.state_key', 'is', null)
          .select([
            'relations.target_id',
            'relations.event_nid',
            sql<number>`row_number() over (partition by relations.target_id order by edit.ts desc, edit.event_id desc)`.as(
              'place',
            ),
          ])
          .as('ranked'),
      )
      .where('place', '<=', each)
      .orderBy('place')
      .select(['target_id', 'event_nid'])
      .execute(),
  )

export interface RelatedEvent {
  target_id: string
  event_nid: number
  event_id: string
  rel_type: string
  sender_nid: number
}

/** For each event and summarised relation type the newest events that relate to it, newest first. */
export const readNewest = (
  db: Reader,
  targets: readonly string[],
  types: readonly string[],
  upTo: number,
  each: number,
): Promise<RelatedEvent[]> =>
  inParts(targets, (part) =>
    db
      .selectFrom(
        db
          .selectFrom('relations')
          .innerJoin('events', 'events.nid', 'relations.event_nid')
          .innerJoin('events as target', 'target.event_id', 'relations.target_id')
          .where('relations.target_id', 'in', part)
          .where('relations.rel_type', 'in', types)
          .where('relations.position', '<=', upTo)
          .whereRef('relations.room_nid', '=', 'target.room_nid')
          .select([
            'relations.target_id',
            'relations.event_nid',
            'events.event_id',
            'relations.rel_type',
            'relations.sender_nid',
            'relations.position',
            sql<number>`row_number() over (partition by relations.target_id, relations.rel_type order by relations.position desc)`.as(
              'place',
            ),
          ])
          .as('ranked'),
      )
      .where('place', '<=', each)
      .orderBy('position', 'desc')
      .select(['target_id', 'event_nid', 'event_id', 'rel_type', 'sender_nid'])
      .execute(),
  )

/** Short ids of events by their positions, of which no two are alike in these rooms taken together. */
export async function readAtPositions(
  db: Reader,
  rooms: readonly number[],
  positions: readonly number[],
): Promise<Map<number, number>> {
  const rows = await inParts(positions, (part) =>
    db
      .selectFrom('events')
      .where('room_nid', 'in', rooms)
      .where('position', 'in', part)
      .select(['nid', 'position'])
      .execute(),
  )
  return new Map(rows.map((row) => [row.position ?? 0, row.nid]))
}

export interface ChildrenQuery {
  readonly room: number
  readonly targets: readonly string[]
  readonly relType?: string | undefined
  readonly type?: string | undefined
  /** Exclusive. */
  readonly above: number
  /** Inclusive. */
  readonly upTo: number
  readonly dir: 'b' | 'f'
  readonly limit: number
}

/** The events that relate to one of these, in the order of the timeline. */
export async function readChildren(
  db: Reader,
  query: ChildrenQuery,
): Promise<Array<{ event_nid: number; position: number }>> {
  let select = db
    .selectFrom('relations')
    .where('target_id', 'in', query.targets)
    .where('room_nid', '=', query.room)
    .where('position', '>', query.above)
    .where('position', '<=', query.upTo)
  if (query.relType !== undefined) select = select.where('rel_type', '=', query.relType)
  if (query.type !== undefined) select = select.where('type', '=', query.type)
  return select
    .orderBy('position', query.dir === 'b' ? 'desc' : 'asc')
    .limit(query.limit)
    .select(['event_nid', 'position'])
    .execute()
}

/** Which of these events have another that relates to them by one of the types, sent by one of the senders (undefined: any). */
export async function readRelatedBy(
  db: Reader,
  targets: readonly string[],
  relTypes: readonly string[] | undefined,
  senders: readonly number[] | undefined,
): Promise<Set<string>> {
  const rows = await inParts(targets, (part) => {
    let select = db.selectFrom('relations').where('target_id', 'in', part)
    if (relTypes) select = select.where('rel_type', 'in', relTypes)
    if (senders) select = select.where('sender_nid', 'in', senders)
    return select.select('target_id').distinct().execute()
  })
  return new Set(rows.map((row) => row.target_id))
}

const threadEvents = hot((db, p: { room: number; upTo: number; limit: number }) =>
  db
    .selectFrom('relations')
    .where('room_nid', '=', p.room)
    .where('rel_type', '=', sql.lit('m.thread'))
    .where('position', '<=', p.upTo)
    .orderBy('position', 'desc')
    .limit(p.limit)
    .select(['target_id', 'position']),
)

/** The newest events in threads of a room, whichever thread it is. */
export const readThreadEvents = (
  db: Reader,
  room: number,
  upTo: number,
  limit: number,
): Promise<Array<{ target_id: string; position: number }>> => threadEvents.all(db, { room, upTo, limit })

/** Of these threads, those with an event after `above` and not after `upTo`. */
export async function readThreadsSince(
  db: Reader,
  targets: readonly string[],
  above: number,
  upTo: number,
): Promise<Set<string>> {
  const rows = await inParts(targets, (part) =>
    db
      .selectFrom('events')
      .where('event_id', 'in', part)
      .where((eb) =>
        eb.exists(
          eb
            .selectFrom('relations')
            .whereRef('relations.target_id', '=', 'events.event_id')
            .where('rel_type', '=', 'm.thread')
            .where('relations.position', '>', above)
            .where('relations.position', '<=', upTo)
            .select('relations.event_nid'),
        ),
      )
      .select('event_id')
      .execute(),
  )
  return new Set(rows.map((row) => row.event_id))
}

import type { Reader, Tx } from '../../storage/index.ts'

const atOnce = 500

async function inParts<In, Out>(items: readonly In[], read: (part: readonly In[]) => Promise<Out[]>): Promise<Out[]> {
  const found: Out[] = []
  for (let start = 0; start < items.length; start += atOnce)
    found.push(...(await read(items.slice(start, start + atOnce))))
  return found
}

export const readUserNids = (db: Reader | Tx, ids: readonly string[]): Promise<{ nid: number; user_id: string }[]> =>
  inParts(ids, (part) => db.selectFrom('users').where('user_id', 'in', part).select(['nid', 'user_id']).execute())

export const addUsers = (tx: Tx, ids: readonly string[]): Promise<{ nid: number; user_id: string }[]> =>
  inParts(ids, (part) =>
    tx
      .insertInto('users')
      .values(part.map((user_id) => ({ user_id })))
      .returning(['nid', 'user_id'])
      .execute(),
  )

/** An event as far as it is known by its id. */
export interface KnownEvent {
  readonly nid: number
  readonly event_id: string
  readonly room_nid: number
  readonly position: number | null
}

export const readKnownEvents = (db: Reader | Tx, ids: readonly string[]): Promise<KnownEvent[]> =>
  inParts(ids, (part) =>
    db.selectFrom('events').where('event_id', 'in', part).select(['nid', 'event_id', 'room_nid', 'position']).execute(),
  )

export const readRoomNids = (db: Reader | Tx, ids: readonly string[]): Promise<{ nid: number; room_id: string }[]> =>
  inParts(ids, (part) => db.selectFrom('rooms').where('room_id', 'in', part).select(['nid', 'room_id']).execute())

export const readDeviceNids = (
  db: Reader | Tx,
  users: readonly number[],
): Promise<{ nid: number; user_nid: number; device_id: string }[]> =>
  inParts(users, (part) =>
    db.selectFrom('devices').where('user_nid', 'in', part).select(['nid', 'user_nid', 'device_id']).execute(),
  )

export const readPositions = (
  db: Reader | Tx,
  ids: readonly string[],
): Promise<{ event_id: string; position: number | null }[]> =>
  inParts(ids, (part) =>
    db.selectFrom('events').where('event_id', 'in', part).select(['event_id', 'position']).execute(),
  )

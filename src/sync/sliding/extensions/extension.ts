import type { UserRoom } from '../../../events/index.ts'
import type { Connection } from '../connection.ts'
import { knownUpTo } from '../due.ts'
import type { PerRoomWish, SlidingRequest } from '../request.ts'
import type { RoomContext } from '../room-task.ts'
import type { RoomsAnswer } from '../rooms-answer.ts'
import type { Wanted, WantedRooms } from '../wanted.ts'

/** What an extension looks at. */
export interface ExtensionContext extends RoomContext {
  readonly request: SlidingRequest
  readonly connection: Connection
  readonly memberships: ReadonlyMap<number, UserRoom>
  readonly wanted: WantedRooms
  readonly answered: RoomsAnswer
}

/** What an extension has to tell. */
export interface ExtensionAnswer {
  readonly text: string
  /** Whether it is news, for which a request stops waiting. */
  readonly isNews: boolean
}

/** Extensions whose data a client gets whole at first: as bits of what a connection knows. */
export const bits = { accountData: 1, receipts: 2 } as const

/** A wanted room, and from where on an extension has to tell of it. */
export interface RoomSpan {
  readonly nid: number
  readonly id: string
  /** Undefined: the client knows nothing. */
  readonly from: number | undefined
}

/** The rooms that an extension is for and that something can have happened in, those that the user is in. */
export function roomsFor(
  { wanted, answered, connection, since }: ExtensionContext,
  wish: PerRoomWish,
  bit = 0,
): RoomSpan[] {
  const knowsAll = bit === 0 || (connection.extensions & bit) !== 0
  const spans: RoomSpan[] = []
  for (const one of knowsAll ? answered.active : wanted.rooms.values()) {
    const { room, member } = one.place
    if (member.membership !== 'join' || !isFor(wish, one)) continue
    const known = knowsAll ? connection.rooms.get(room.nid) : undefined
    spans.push({ nid: room.nid, id: room.id, from: known && knownUpTo(known, since) })
  }
  return spans
}

const isFor = (wish: PerRoomWish, { lists, subscribed, place }: Wanted): boolean =>
  lists.some((name) => wish.lists?.includes(name) ?? true) ||
  (wish.lists?.includes('*') === true && lists.length > 0) ||
  (subscribed && (wish.rooms === undefined || wish.rooms.includes('*') || wish.rooms.includes(place.room.id)))

/** `{"rooms":{…}}` */
export const roomsText = (texts: ReadonlyMap<string, string>): string =>
  `"rooms":{${[...texts].map(([roomId, text]) => `${JSON.stringify(roomId)}:${text}`).join(',')}}`

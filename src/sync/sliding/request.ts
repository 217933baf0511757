import { Type, type Static } from 'typebox'
import type { Session } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import type { Pos } from './connection.ts'
import { noState, requiredState, type RequiredState } from './required-state.ts'

const mostLists = 100
const mostRanges = 100
const mostSubscriptions = 1000
/** Entries of one required_state, and different ones in a request. */
const mostPairs = 500
/** Entries of all that differ: a room may be on all lists, and wants what any of them does. */
const mostPairsInAll = 2000
const mostOfFilter = 100

const shortText = Type.String({ maxLength: 255 })
const Config = {
  // Types and state keys of events have 255 bytes: what is longer is the name of none.
  required_state: Type.Optional(Type.Array(Type.Tuple([shortText, shortText]), { maxItems: mostPairs })),
  timeline_limit: Type.Optional(Type.Integer({ minimum: 0 })),
}
const roomTypes = Type.Optional(Type.Array(Type.Union([shortText, Type.Null()]), { maxItems: mostOfFilter }))
const texts = Type.Optional(Type.Array(shortText, { maxItems: mostOfFilter }))
const manyTexts = Type.Optional(Type.Array(shortText, { maxItems: mostSubscriptions }))

const Filters = Type.Object({
  is_dm: Type.Optional(Type.Boolean()),
  is_encrypted: Type.Optional(Type.Boolean()),
  is_invite: Type.Optional(Type.Boolean()),
  room_types: roomTypes,
  not_room_types: roomTypes,
  spaces: texts,
  tags: texts,
  not_tags: texts,
})

const List = Type.Object({
  ...Config,
  ranges: Type.Optional(Type.Array(Type.Tuple([Type.Integer({ minimum: 0 }), Type.Integer({ minimum: 0 })]))),
  filters: Type.Optional(Filters),
})

const PerRoom = Type.Object({ enabled: Type.Optional(Type.Boolean()), lists: manyTexts, rooms: manyTexts })

const Extensions = Type.Object({
  to_device: Type.Optional(
    Type.Object({
      enabled: Type.Optional(Type.Boolean()),
      limit: Type.Optional(Type.Integer({ minimum: 1 })),
      since: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    }),
  ),
  e2ee: Type.Optional(Type.Object({ enabled: Type.Optional(Type.Boolean()) })),
  account_data: Type.Optional(PerRoom),
  receipts: Type.Optional(PerRoom),
  typing: Type.Optional(PerRoom),
  'io.element.msc4360.threads': Type.Optional(
    Type.Object({
      enabled: Type.Optional(Type.Boolean()),
      include_roots: Type.Optional(Type.Boolean()),
      limit: Type.Optional(Type.Integer({ minimum: 1 })),
    }),
  ),
})

export const Body = Type.Object({
  conn_id: Type.Optional(Type.String({ maxLength: 64 })),
  txn_id: Type.Optional(Type.String({ maxLength: 255 })),
  lists: Type.Optional(Type.Record(Type.String({ maxLength: 255 }), List)),
  room_subscriptions: Type.Optional(Type.Record(Type.String(), Type.Object(Config))),
  extensions: Type.Optional(Extensions),
})

export const Query = Type.Object({
  pos: Type.Optional(Type.String()),
  timeout: Type.Optional(Type.Number()),
  set_presence: Type.Optional(
    Type.Union([Type.Literal('online'), Type.Literal('offline'), Type.Literal('unavailable')]),
  ),
})

export type ListFilters = Static<typeof Filters>
export type ExtensionWishes = Static<typeof Extensions>
/** Which lists and subscriptions an extension is for; without either: all. */
export type PerRoomWish = Static<typeof PerRoom>

/** What a client wants to know of a room. */
export interface RoomConfig {
  readonly required: RequiredState
  readonly timelineLimit: number
}

export interface ListWish {
  /** First and last place, both inclusive; undefined: all places. */
  readonly ranges: ReadonlyArray<readonly [first: number, last: number]> | undefined
  readonly filters: ListFilters
  readonly config: RoomConfig
}

/** What one request asks for. */
export interface SlidingRequest {
  readonly session: Session
  readonly connId: string
  readonly txnId: string | undefined
  readonly pos: Pos | undefined
  /** Milliseconds. */
  readonly timeout: number
  readonly lists: ReadonlyMap<string, ListWish>
  /** By room id. */
  readonly subscriptions: ReadonlyMap<string, RoomConfig>
  readonly extensions: ExtensionWishes
}

const longestTimeout = 120_000
const longestTimeline = 100

const invalid = (message: string): MatrixError => new MatrixError('M_INVALID_PARAM', message)

/** @throws {MatrixError} M_UNKNOWN_POS for a `pos` that no server of this version gave out; M_INVALID_PARAM for too much of something. */
export function readRequest(session: Session, query: Static<typeof Query>, body: Static<typeof Body>): SlidingRequest {
  const different = new Set<RequiredState>()
  const entries = new Set<string>()
  let inAll = 0
  const configOf = ({ required_state: pairs = [], timeline_limit: limit = 0 }: Static<typeof List>): RoomConfig => {
    const required = pairs.length === 0 ? noState : requiredState(pairs, session.userId)
    if (!different.has(required)) {
      different.add(required)
      for (const pair of pairs) entries.add(pair.join('\0'))
      inAll += pairs.length
    }
    if (entries.size > mostPairs) throw invalid(`required_state can have ${mostPairs} different entries in all lists`)
    if (inAll > mostPairsInAll) throw invalid(`All required_state together can have ${mostPairsInAll} entries`)
    return {
      required,
      timelineLimit: Math.min(limit, longestTimeline),
    }
  }
  const subscriptions = Object.entries(body.room_subscriptions ?? {})
  if (subscriptions.length > mostSubscriptions) throw invalid(`There can be ${mostSubscriptions} subscriptions`)
  const lists = Object.entries(body.lists ?? {})
  if (lists.length > mostLists) throw invalid(`There can be ${mostLists} lists`)
  return {
    session,
    connId: body.conn_id ?? '',
    txnId: body.txn_id,
    pos: readPos(query.pos),
    timeout: Math.min(Math.max(query.timeout ?? 0, 0), longestTimeout),
    lists: new Map(
      lists.map(([name, list]) => {
        if (list.ranges && list.ranges.length > mostRanges) throw invalid(`A list can have ${mostRanges} ranges`)
        if (list.ranges?.some(([first, last]) => first > last)) throw invalid('A range begins at its lower end')
        return [name, { ranges: list.ranges, filters: list.filters ?? {}, config: configOf(list) }]
      }),
    ),
    subscriptions: new Map(subscriptions.map(([roomId, config]) => [roomId, configOf(config)])),
    extensions: body.extensions ?? {},
  }
}

export const posText = ({ position, state }: Pos): string => `${position}_${state}`

function readPos(text: string | undefined): Pos | undefined {
  if (text === undefined || text === '') return undefined
  const [, position, state] = /^(\d{1,15})_([\w-]{1,16})$/.exec(text) ?? []
  if (position === undefined || state === undefined)
    throw new MatrixError('M_UNKNOWN_POS', 'pos is not one of this server: begin anew, without it')
  return { position: Number(position), state }
}

import { MatrixError } from '../matrix/errors.ts'
import { isRoomId } from '../matrix/ids.ts'
import { own, type JsonObject } from '../matrix/json.ts'
import type { RoomEvent } from '../matrix/event.ts'
import { type Rooms, stateOfType, type UserRoom } from '../events/index.ts'
import type { Database, RoomsTable } from '../storage/index.ts'
import { allowedRoomsOf, mayGlimpse } from './access.ts'
import { readRooms } from './store.ts'
import { entryOf, type RoomEntry } from './summary.ts'

export interface HierarchyDeps {
  readonly database: Database
  readonly rooms: Rooms
}

export interface HierarchyQuery {
  readonly suggestedOnly: boolean
  readonly maxDepth?: number | undefined
  readonly limit?: number | undefined
  /** Token of an earlier page. */
  readonly from?: string | undefined
  /** An administrator looks: all rooms are shown. */
  readonly all?: boolean
}

export interface HierarchyRoom extends RoomEntry {
  readonly room_version: string
  readonly children_state: readonly ChildState[]
  readonly allowed_room_ids?: readonly string[]
  readonly encryption?: string
}

type ChildState = { type: string; state_key: string; sender: string; content: JsonObject; origin_server_ts: number }

export interface HierarchyPage {
  rooms: HierarchyRoom[]
  next_batch?: string
}

const usualLimit = 50
const largestLimit = 200
const deepest = 50
/** A tree with more rooms is cut off. */
const mostRooms = 10_000
/** The one algorithm of which the specification lets clients be told here. */
const megolm = 'm.megolm.v1.aes-sha2'

/** A room that the walk has come upon. */
interface Found {
  readonly row: RoomsTable
  readonly children: readonly RoomEvent[]
}

/**
 * A part of the tree of rooms below a space, depth first, each room once. A token says how far the walk had come and with which
 * settings; the walk begins anew for every page, so that nothing has to be kept between them. What it costs is a query a space:
 * rooms that are no spaces are only counted until their page has come.
 * @throws {MatrixError} M_FORBIDDEN when the user may not see the space, or it does not exist; M_INVALID_PARAM for a wrong token
 * @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidhierarchy
 */
export async function hierarchyPage(
  deps: HierarchyDeps,
  user: number,
  roomId: string,
  query: HierarchyQuery,
): Promise<HierarchyPage> {
  const { suggestedOnly } = query
  if (query.maxDepth !== undefined && query.maxDepth < 0)
    throw new MatrixError('M_INVALID_PARAM', 'max_depth is not negative')
  if (query.limit !== undefined && query.limit < 1) throw new MatrixError('M_INVALID_PARAM', 'limit is at least 1')
  const maxDepth = Math.min(query.maxDepth ?? deepest, deepest)
  const limit = Math.min(query.limit ?? usualLimit, largestLimit)
  const skip = query.from === undefined ? 0 : readToken(query.from, roomId, suggestedOnly, maxDepth)
  const memberships = await deps.rooms.of(user)

  const page: Found[] = []
  let count = 0
  for await (const found of walk(deps, query.all ? undefined : memberships, roomId, suggestedOnly, maxDepth)) {
    count += 1
    if (count <= skip) continue
    if (page.length === limit) {
      return { rooms: await shown(deps, page), next_batch: tokenOf(roomId, suggestedOnly, maxDepth, skip + limit) }
    }
    page.push(found)
  }
  if (count === 0) throw new MatrixError('M_FORBIDDEN', `You may not view the room ${roomId}`)
  return { rooms: await shown(deps, page) }
}

/**
 * A space and its children, as far as another server may know of them: what is public, open to the world, or has members of it.
 * @throws {MatrixError} M_NOT_FOUND when it may not know of the space
 * @see https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1hierarchyroomid
 */
export async function hierarchyForServer(
  deps: HierarchyDeps,
  isIn: (room: number) => Promise<boolean>,
  roomId: string,
  suggestedOnly: boolean,
): Promise<{ room: HierarchyRoom; children: HierarchyRoom[]; inaccessible_children: string[] }> {
  const nobody: ReadonlyMap<number, UserRoom> = new Map()
  const mayKnow = async (row: RoomsTable): Promise<boolean> => {
    if ((await mayGlimpse(deps.rooms, nobody, row)) || (await isIn(row.nid))) return true
    // Who may join by being somewhere else is for that server to say.
    for (const allowed of await allowedRoomsOf(deps.rooms, row)) {
      const room = await deps.rooms.find(allowed)
      if (room && (await isIn(room.nid))) return true
    }
    return false
  }
  const row = (await readRooms(deps.database.read, [roomId])).get(roomId)
  if (!row || !(await mayKnow(row))) throw new MatrixError('M_NOT_FOUND', 'There is no such space')
  const links = row.room_type === 'm.space' ? await childrenOf(deps.rooms, row.nid, suggestedOnly) : []
  const wanted = links.slice(0, largestLimit).map(({ stateKey = '' }) => stateKey)
  const rows = await readRooms(deps.database.read, wanted)
  const found: Found[] = []
  const hidden: string[] = []
  for (const childId of wanted) {
    const child = rows.get(childId)
    if (!child) continue
    if (!(await mayKnow(child))) hidden.push(childId)
    else
      found.push({
        row: child,
        children: child.room_type === 'm.space' ? await childrenOf(deps.rooms, child.nid, false) : [],
      })
  }
  const [room, ...children] = await shown(deps, [{ row, children: links }, ...found])
  if (!room) throw new MatrixError('M_NOT_FOUND', 'There is no such space')
  return { room, children, inaccessible_children: hidden }
}

/** Rooms and spaces from `roomId` on downwards, each when it is first met; what the user may not see is left out with all below it. */
async function* walk(
  deps: HierarchyDeps,
  memberships: ReadonlyMap<number, UserRoom> | undefined,
  roomId: string,
  suggestedOnly: boolean,
  maxDepth: number,
): AsyncGenerator<Found, void> {
  const seen = new Set<number>()
  const stack = [...(await readRooms(deps.database.read, [roomId])).values()].map((row) => ({ row, depth: 0 }))
  for (let next = stack.pop(); next !== undefined && seen.size < mostRooms; next = stack.pop()) {
    const { row, depth } = next
    if (seen.has(row.nid)) continue
    seen.add(row.nid)
    if (memberships && !(await mayGlimpse(deps.rooms, memberships, row))) continue
    const children = row.room_type === 'm.space' ? await childrenOf(deps.rooms, row.nid, suggestedOnly) : []
    yield { row, children }
    if (depth >= maxDepth || children.length === 0) continue
    const rows = await readRooms(
      deps.database.read,
      children.map((child) => child.stateKey ?? ''),
    )
    // Last in, first out: the first child is the next one.
    for (const { stateKey = '' } of children.toReversed()) {
      const child = rows.get(stateKey)
      if (child && !seen.has(child.nid)) stack.push({ row: child, depth: depth + 1 })
    }
  }
}

/** The links to a space's children, in the order in which they are shown; those that were taken back or never made sense are left out. */
async function childrenOf(rooms: Rooms, nid: number, suggestedOnly: boolean): Promise<RoomEvent[]> {
  const room = await rooms.byNid(nid)
  if (!room) return []
  return (await stateOfType(rooms, room, 'm.space.child'))
    .map((stored) => stored.event)
    .filter(
      ({ stateKey, content }) =>
        isRoomId(stateKey) && isVia(own(content, 'via')) && (!suggestedOnly || own(content, 'suggested') === true),
    )
    .sort(compareChildren)
}

const isVia = (via: unknown): boolean => Array.isArray(via) && via.every((server) => typeof server === 'string')

/** @see https://spec.matrix.org/v1.19/client-server-api/#ordering-of-children-within-a-space */
function compareChildren(a: RoomEvent, b: RoomEvent): number {
  const [orderA, orderB] = [orderIn(a), orderIn(b)]
  if (orderA !== orderB) {
    if (orderA === undefined) return 1
    if (orderB === undefined) return -1
    return orderA < orderB ? -1 : 1
  }
  return a.ts - b.ts || ((a.stateKey ?? '') < (b.stateKey ?? '') ? -1 : 1)
}

function orderIn({ content }: RoomEvent): string | undefined {
  const order = own(content, 'order')
  return typeof order === 'string' && /^[\x20-\x7e]{1,50}$/.test(order) ? order : undefined
}

async function shown({ rooms }: HierarchyDeps, page: readonly Found[]): Promise<HierarchyRoom[]> {
  return Promise.all(
    page.map(async ({ row, children }) => {
      const allowed = await allowedRoomsOf(rooms, row)
      return {
        ...entryOf(row),
        room_version: row.version,
        ...(row.encryption === megolm && { encryption: megolm }),
        ...(allowed.length > 0 && { allowed_room_ids: allowed }),
        children_state: children.map(({ type, stateKey, sender, content, ts }) => ({
          type,
          state_key: stateKey ?? '',
          sender,
          content,
          origin_server_ts: ts,
        })),
      }
    }),
  )
}

const tokenOf = (roomId: string, suggestedOnly: boolean, maxDepth: number, count: number): string =>
  Buffer.from(JSON.stringify([roomId, suggestedOnly, maxDepth, count])).toString('base64url')

/** How many rooms came before. Whatever is in a token, it gives nothing to see that would not be seen without it. */
function readToken(token: string, roomId: string, suggestedOnly: boolean, maxDepth: number): number {
  let parts: unknown
  try {
    parts = JSON.parse(Buffer.from(token, 'base64url').toString())
  } catch {
    parts = undefined
  }
  const [room, suggested, depth, count] = Array.isArray(parts) ? (parts as unknown[]) : []
  if (room !== roomId || typeof count !== 'number' || !Number.isSafeInteger(count)) {
    throw new MatrixError('M_INVALID_PARAM', 'from is not a token of this space: leave it out to begin anew')
  }
  if (suggested !== suggestedOnly || depth !== maxDepth) {
    throw new MatrixError('M_INVALID_PARAM', 'suggested_only and max_depth stay the same from page to page')
  }
  return count
}

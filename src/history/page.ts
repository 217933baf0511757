import { MatrixError } from '../matrix/errors.ts'
import type { RoomEventFilter } from '../matrix/filter.ts'
import type { Database } from '../storage/index.ts'
import { synapsePosition, type Log } from '../streams/index.ts'
import type { Users } from '../users/index.ts'
import type { AccessDeps, View } from './access.ts'
import { relatedBy } from './related.ts'
import type { StoredEvent } from '../events/index.ts'

export interface PageDeps extends AccessDeps {
  readonly log: Log
  readonly users: Users
  readonly database: Database
}

export type Dir = 'b' | 'f'

export interface PageWish {
  readonly dir: Dir
  /** A place between two events: backwards what is at or before it is wanted, forwards what is after it. Undefined: the end of the room. */
  readonly from: number | undefined
  readonly to: number | undefined
  readonly limit: number
  readonly filter: RoomEventFilter
  /** Characters of the events, beyond which a page of more than one ends early. */
  readonly most?: number
}

export interface Page {
  /** In the order of the direction. */
  readonly events: readonly StoredEvent[]
  /** Where the next page begins; undefined: there is no more. */
  readonly next: number | undefined
}

/** Events that one request looks at, at most, to find those that are wanted and may be seen. */
const lookedAt = 2000
const largestBatch = 500
/** So many of them may be large. */
const firstBatch = 101
/** Characters. */
const longestPage = 4 * 1024 * 1024

/** What a request for a page may ask for at most. */
export const pageLimit = 500

/**
 * A place in the timeline: after the event at this position of the log, before the next.
 * A token of the Synapse that the events were taken over from stands for one, too.
 * @throws {MatrixError} M_INVALID_PARAM for anything that this server did not give out.
 */
export function readToken(
  { imported }: Pick<Log, 'imported'>,
  name: string,
  text: string | undefined,
): number | undefined {
  if (text === undefined) return undefined
  const foreign = synapsePosition(text)
  if (foreign !== undefined && foreign <= imported) return foreign
  if (!/^-?\d{1,15}$/.test(text))
    throw new MatrixError('M_INVALID_PARAM', `${name} is not a pagination token of this server`)
  return Number(text)
}

/** The positions that a page may be of; nothing beyond them is for this user, or there. */
export async function bounds(
  { log, history }: PageDeps,
  { room, stay }: View,
  wish: Pick<PageWish, 'dir' | 'from' | 'to'>,
): Promise<{ above: number; upTo: number }> {
  const top = stay.end && !(await history.sight.wasOpen(room.nid)) ? Math.min(log.now, stay.until) : log.now
  const [low, high] = wish.dir === 'b' ? [wish.to, wish.from] : [wish.from, wish.to]
  return { above: low ?? Number.MIN_SAFE_INTEGER, upTo: Math.min(high ?? top, top) }
}

/**
 * One page of a room's timeline. Events that are filtered out or not for the user's eyes are passed over, so that a page is empty
 * only when there is nothing more, or after a long way; then it says where to go on.
 */
export async function readPage(deps: PageDeps, view: View, wish: PageWish): Promise<Page> {
  const { dir, limit } = wish
  let { above, upTo } = await bounds(deps, view, wish)
  const isWanted = await wantedBy(deps, view, wish.filter)
  const events: StoredEvent[] = []
  let left = wish.most ?? longestPage
  let looked = 0
  let asked = 0
  let last: number | undefined
  const goOn = (first: number): number => {
    if (last === undefined) return dir === 'b' ? first : first - 1
    return dir === 'b' ? last - 1 : last
  }
  for (let batch = Math.min(limit + 1, firstBatch); ; batch *= 4) {
    const size = Math.min(batch, largestBatch, lookedAt - looked)
    const found = await deps.rooms.timeline({ room: view.room.nid, above, upTo, limit: size, dir })
    const wanted = new Set(await isWanted(await deps.history.visible(view.session, found)))
    for (const stored of found) {
      if (wanted.has(stored)) {
        const isFull = events.length === limit || (events.length > 0 && stored.size > left)
        if (isFull) return { events, next: goOn(stored.position) }
        events.push(stored)
        left -= stored.size
      }
      last = stored.position
    }
    looked += size
    if (found.length < size) {
      const older = dir === 'b' && wish.to === undefined ? await goBack(deps, view, ++asked) : 'none'
      if (older === 'none') return { events, next: await beyond(deps, view, wish, events.at(-1)?.position) }
      // Nobody has told: the client may ask again, but not for ever.
      if (older === 'failed') return { events, next: events.length > 0 ? goOn(upTo) : undefined }
    }
    if (looked >= lookedAt) return { events, next: goOn(upTo) }
    if (dir === 'b') upTo = goOn(upTo)
    else above = goOn(above)
  }
}

/** So often are other servers asked for one page. */
const mostAsked = 3

/** Has what is older than all that is here brought by other servers, for whoever is in the room. */
async function goBack({ history }: PageDeps, { room, stay }: View, asked: number): Promise<'more' | 'none' | 'failed'> {
  return stay.joined && asked <= mostAsked ? history.older(room) : 'none'
}

/**
 * A page that ends at `to` rather than at the end of the room goes on from there. One that ends with the newest event of a room that the
 * reader is still in can be gone on from later; an empty one says that there is nothing more yet.
 */
async function beyond(
  deps: PageDeps,
  view: View,
  { dir, to }: PageWish,
  last: number | undefined,
): Promise<number | undefined> {
  if (to === undefined) return dir === 'f' && !view.stay.end ? last : undefined
  const span = await bounds(deps, view, { dir, from: to, to: undefined })
  const more = await deps.rooms.timeline({ room: view.room.nid, ...span, limit: 1, dir })
  return more.length > 0 ? to : undefined
}

/** Those of a room's events that the filter wants. */
async function wantedBy(
  deps: PageDeps,
  { room, session }: View,
  filter: RoomEventFilter,
): Promise<(list: readonly StoredEvent[]) => Promise<readonly StoredEvent[]>> {
  return filter.rooms.includes(room.id)
    ? wantedIn(deps, session.all ? undefined : session.user, filter)
    : async () => []
}

/** The filter, whichever rooms it is for, and whom the user (undefined: nobody) ignores: of those only state is shown. */
export async function wantedIn(
  { users, database }: Pick<PageDeps, 'users' | 'database'>,
  user: number | undefined,
  filter: RoomEventFilter,
): Promise<(list: readonly StoredEvent[]) => Promise<readonly StoredEvent[]>> {
  const ignored = user === undefined ? new Set<string>() : await users.accountData.ignored(user)
  return async (list) => {
    const wanted =
      filter.all && ignored.size === 0
        ? list
        : list.filter(
            ({ event }) => filter.matches(event) && (event.stateKey !== undefined || !ignored.has(event.sender)),
          )
    return filter.none ? [] : relatedBy({ users, database }, filter, wanted)
  }
}

/** The member events of who sent these events, as they were when each sent the newest of theirs; those in the list itself are left out. */
export async function membersFor({ rooms }: AccessDeps, list: readonly StoredEvent[]): Promise<StoredEvent[]> {
  const newest = new Map<string, StoredEvent>()
  for (const stored of list) {
    if ((newest.get(stored.event.sender)?.position ?? -Infinity) < stored.position)
      newest.set(stored.event.sender, stored)
  }
  const listed = new Set(list.map((stored) => stored.nid))
  const members: StoredEvent[] = []
  for (const [sender, stored] of newest) {
    const member = await rooms.stateEventBefore(stored, 'm.room.member', sender)
    if (member && !listed.has(member.nid)) members.push(member)
  }
  return members
}

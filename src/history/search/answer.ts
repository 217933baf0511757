import type { Session } from '../../http/index.ts'
import { parseRoomEventFilter, type RoomEventFilter } from '../../matrix/filter.ts'
import { own } from '../../matrix/json.ts'
import { stateIn, viewOf, type View } from '../access.ts'
import type { StoredEvent } from '../../events/index.ts'
import type { HistoryRouteDeps } from '../deps.ts'
import { membersFor, readPage } from '../page.ts'
import { highlightsIn, type Query } from './query.ts'
import type { Found, Results } from './search.ts'
import { writeToken, type Group } from './token.ts'

export interface AnswerWish {
  readonly query: Query
  readonly filter: RoomEventFilter
  /** Undefined: no context. */
  readonly context: { readonly before: number; readonly after: number; readonly profiles: boolean } | undefined
  readonly state: boolean
  readonly groups: ReadonlyArray<'room_id' | 'sender'>
}

const everything = parseRoomEventFilter({})
const mostHighlights = 100
/** Characters of all that was said around the results, and of all state. */
const [longestContexts, longestStates] = [2 * 1024 * 1024, 8 * 1024 * 1024]
const json = JSON.stringify

/** The answer to a search, as JSON text. */
export async function answer(
  deps: HistoryRouteDeps,
  session: Session,
  { found, count, next, nextIn }: Results,
  wish: AnswerWish,
): Promise<string> {
  const reader = { session, device: session.device, now: deps.now(), withRoomId: true }
  const events = await deps.history.serialise(
    found.map(({ stored }) => stored),
    reader,
  )
  const results: string[] = []
  const shown = new Map<string, StoredEvent[]>()
  const views = new Map<number, View>()
  let left = longestContexts
  for (const [index, { stored, rank }] of found.entries()) {
    const view = views.get(stored.room) ?? (await viewOf(deps, session, stored.event.roomId))
    if (!view) continue
    views.set(stored.room, view)
    const context = wish.context && (await contextOf(deps, view, stored, wish.context, left))
    left -= context?.text.length ?? 0
    results.push(`{"rank":${rank},"result":${events[index]}${context ? `,"context":${context.text}` : ''}}`)
    shown.set(view.room.id, [...(shown.get(view.room.id) ?? []), stored, ...(context?.events ?? [])])
  }
  const highlights = new Set(found.flatMap(({ text }) => highlightsIn(wish.query, text)))
  const parts = [
    `"count":${count}`,
    `"highlights":${json([...highlights].slice(0, mostHighlights))}`,
    `"results":[${results.join(',')}]`,
  ]
  if (wish.state) {
    const states: string[] = []
    let room = longestStates
    for (const view of views.values()) {
      if (room < 0) break
      const list = await deps.history.serialise(
        await stateFor(deps, view, shown.get(view.room.id) ?? [], wish.filter),
        { ...reader, lean: true },
      )
      const text = `${json(view.room.id)}:[${list.join(',')}]`
      room -= text.length
      states.push(text)
    }
    parts.push(`"state":{${states.join(',')}}`)
  }
  if (wish.groups.length > 0)
    parts.push(
      `"groups":${json(Object.fromEntries(wish.groups.map((key) => [key, groupsBy(key, found, next ? nextIn : undefined)])))}`,
    )
  if (next) parts.push(`"next_batch":${json(writeToken(next))}`)
  return `{"search_categories":{"room_events":{${parts.join(',')}}}}`
}

function groupsBy(
  key: 'room_id' | 'sender',
  found: readonly Found[],
  nextIn: Results['nextIn'] | undefined,
): Record<string, object> {
  const groups = new Map<string, { group: Group; results: string[] }>()
  for (const { stored } of found) {
    const name = key === 'room_id' ? stored.event.roomId : stored.event.sender
    const group: Group = key === 'room_id' ? { kind: 'room', nid: stored.room } : { kind: 'sender', nid: stored.sender }
    const known = groups.get(name)
    if (known) known.results.push(stored.event.id)
    else groups.set(name, { group, results: [stored.event.id] })
  }
  return Object.fromEntries(
    Array.from(groups, ([name, { group, results }], order) => [
      name,
      { results, order, ...(nextIn && { next_batch: writeToken(nextIn(group)) }) },
    ]),
  )
}

/** What was said around an event, as far as the user may see it. */
async function contextOf(
  deps: HistoryRouteDeps,
  view: View,
  stored: StoredEvent,
  { before, after, profiles }: NonNullable<AnswerWish['context']>,
  most: number,
): Promise<{ text: string; events: StoredEvent[] }> {
  const page = async (dir: 'b' | 'f', from: number, limit: number): Promise<readonly StoredEvent[]> =>
    limit === 0 || left <= 0
      ? []
      : (await readPage(deps, view, { dir, from, limit, to: undefined, filter: everything, most: left })).events
  // Those who come last find no room for what was said around them.
  let left = most
  const earlier = await page('b', stored.position - 1, before)
  for (const { size } of earlier) left -= size
  const later = await page('f', stored.position, after)
  const events = [...earlier, ...later]
  const texts = await deps.history.serialise(events, {
    session: view.session,
    device: view.session.device,
    now: deps.now(),
    withRoomId: true,
  })
  const people = profiles ? `,"profile_info":${json(await profilesOf(deps, [...events, stored]))}` : ''
  return {
    events,
    text:
      `{"start":"${(earlier.at(-1) ?? stored).position - 1}","end":"${(later.at(-1) ?? stored).position}"` +
      `,"events_before":[${texts.slice(0, earlier.length).join(',')}],"events_after":[${texts.slice(earlier.length).join(',')}]${people}}`,
  }
}

/** Names and pictures of who sent the events, as they were when each sent the newest of theirs. */
async function profilesOf(
  { rooms }: HistoryRouteDeps,
  events: readonly StoredEvent[],
): Promise<Record<string, object>> {
  const profiles: Record<string, object> = {}
  for (const stored of events.toSorted((a, b) => a.position - b.position)) {
    const { sender, type, stateKey } = stored.event
    const member =
      type === 'm.room.member' && stateKey === sender
        ? stored
        : await rooms.stateEventBefore(stored, 'm.room.member', sender)
    const [name, avatar] = [own(member?.event.content, 'displayname'), own(member?.event.content, 'avatar_url')]
    profiles[sender] = {
      ...(typeof name === 'string' && { displayname: name }),
      ...(typeof avatar === 'string' && { avatar_url: avatar }),
    }
  }
  return profiles
}

/** The state of a room as the user may see it; where the filter says so, member events only of who sent what is shown. */
async function stateFor(
  deps: HistoryRouteDeps,
  view: View,
  shown: readonly StoredEvent[],
  { lazyLoadMembers }: RoomEventFilter,
): Promise<StoredEvent[]> {
  const state = await deps.rooms.events.many([...(await stateIn(deps, view)).values()])
  if (!lazyLoadMembers) return state
  const senders = new Set(shown.map(({ event }) => event.sender))
  const members = new Set((await membersFor(deps, shown)).map(({ event }) => event.stateKey))
  return state.filter(
    ({ event }) => event.type !== 'm.room.member' || members.has(event.stateKey) || senders.has(event.stateKey ?? ''),
  )
}

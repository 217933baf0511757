import type { RoomEvent } from '../../matrix/event.ts'
import { flatten, holderIn, type Derived } from '../state-sets.ts'
import {
  type Extremity,
  type Head,
  type Member,
  memberFrom,
  membershipIn,
  type RoomSummary,
  summarise,
} from '../room.ts'
import type { Held, StoredEvent } from '../stored-event.ts'
import type { HeadMove } from './commit.ts'
import type { ReceiveDeps } from './deps.ts'
import { resolveStates } from './resolve.ts'
import type { Resolver } from './resolver.ts'
import { isSame, stateAfter } from './states.ts'

/**
 * Where the head goes with an accepted event. Undefined for a state event that would fork the state once more than can be resolved with every
 * event; a message that does is shown, and not followed.
 */
export async function planMove(
  deps: ReceiveDeps,
  resolver: Resolver,
  head: Head,
  stored: Held,
  after: Derived,
): Promise<(HeadMove & { readonly fresh: Derived['fresh'] }) | undefined> {
  const { event } = stored
  const prev = new Set(event.prevEvents)
  const { kept, different } = await sortExtremities(
    deps,
    head.extremities.filter(({ id }) => !prev.has(id)),
  )
  if (different.size >= mostForks && !different.has(leaves(stored))) {
    if (event.stateKey !== undefined) return undefined
    const { chain, summary } = head
    return { extremities: kept, chain, state: new Map(), fresh: [], members: new Map(), summary }
  }
  const others: Derived[] = []
  for (const other of different.values()) others.push(await stateAfter(deps, other))
  const current = await resolveStates(deps, resolver, head.version, [after.chain, ...others.map(({ chain }) => chain)])
  const state = differences(head, current.chain)
  const fresh = [...new Set([...after.fresh, ...others.flatMap((other) => other.fresh), ...current.fresh])]
  return {
    extremities: [...kept, { nid: stored.nid, id: event.id, depth: event.depth }],
    chain: current.chain,
    state,
    fresh,
    ...(await consequences(deps, head, stored, state)),
  }
}

/** Events that none follows, of which a room keeps count: a server may make any number of forks. */
const mostExtremities = 100
/** Different states that they leave. Each is a whole state, and all of them are resolved with every event. */
const mostForks = 30

/** By what the state after an event is known. */
const leaves = ({ event, nid, stateBefore }: StoredEvent): string =>
  event.stateKey === undefined ? `after ${stateBefore}` : `by ${nid}`

/**
 * One event for each state that the extremities of a room leave, and the extremities that are kept. Beyond a number those go which leave a
 * state that another one leaves too, and no others, whatever depth they claim: with them would go what was settled there.
 */
async function sortExtremities(
  deps: ReceiveDeps,
  extremities: readonly Extremity[],
): Promise<{ readonly kept: readonly Extremity[]; readonly different: ReadonlyMap<string, StoredEvent> }> {
  const newest = extremities.toSorted((a, b) => b.depth - a.depth)
  const different = new Map<string, StoredEvent>()
  const [firsts, others]: [Extremity[], Extremity[]] = [[], []]
  for (const one of newest) {
    const stored = await deps.events.get(one.nid)
    if (!stored) continue
    const state = leaves(stored)
    ;(different.has(state) ? others : firsts).push(one)
    if (!different.has(state)) different.set(state, stored)
  }
  return { kept: [...firsts, ...others.slice(0, Math.max(0, mostExtremities - firsts.length))], different }
}

/** The keys that are held by other events in a state than in the head. */
function differences(head: Head, chain: HeadMove['chain']): Map<number, number> {
  const changes = new Map<number, number>()
  if (isSame(head.chain, chain)) return changes
  const top = chain.at(-1)
  if (top && chain.length > 1 && chain.at(-2) === head.chain.at(-1)) {
    for (const [key, nid] of top.delta) if ((head.state.get(key) ?? 0) !== nid) changes.set(key, nid)
    return changes
  }
  const state = flatten(chain)
  for (const [key, nid] of state) if (head.state.get(key) !== nid) changes.set(key, nid)
  for (const key of head.state.keys()) if (!state.has(key)) changes.set(key, 0)
  return changes
}

/** What follows for members and for what lists show of the room. The event's own membership is left to the commit. */
async function consequences(
  deps: ReceiveDeps,
  head: Head,
  stored: Held,
  state: ReadonlyMap<number, number>,
): Promise<{ members: Map<number, Member>; summary: RoomSummary }> {
  const members = new Map<number, Member>()
  let { summary } = head
  const names = await deps.stateKeys.names([...state.keys()])
  for (const [key, nid] of state) {
    const name = names.get(key)
    if (!name) continue
    const holder = nid === stored.nid ? stored : nid === 0 ? undefined : await deps.events.get(nid)
    const event: RoomEvent = holder?.event ?? { ...stored.event, ...name, content: {} }
    summary = summarise(summary, event)
    if (name.type !== 'm.room.member' || nid === stored.nid) continue
    const user = await deps.users.intern(name.stateKey).catch(() => undefined)
    const before = user === undefined ? undefined : head.members.get(user)
    if (user === undefined) continue
    if (holder) members.set(user, memberFrom(holder.event, holder.nid, holder.sender, before?.position ?? 0))
    else if (before) members.set(user, { ...before, membership: 'leave' })
  }
  return { members, summary }
}

/** Whose membership an event sets in the current state. */
export async function targetOf(
  deps: ReceiveDeps,
  stored: Held,
  move: HeadMove | undefined,
): Promise<number | undefined> {
  const { type, stateKey } = stored.event
  if (!move || type !== 'm.room.member' || stateKey === undefined) return undefined
  const key = deps.stateKeys.peek(type, stateKey)
  const counts = key !== undefined && (move.state.get(key) ?? holderIn(move.chain, key)) === stored.nid
  return counts && membershipIn(stored.event) !== undefined ? deps.users.intern(stateKey) : undefined
}

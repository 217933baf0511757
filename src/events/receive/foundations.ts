import type { RoomEvent } from '../../matrix/event.ts'
import type { Json } from '../../matrix/json.ts'
import type { Room } from '../room.ts'
import { isPlaced } from './states.ts'
import type { Derived } from '../state-sets.ts'
import { standings } from '../stored-event.ts'
import type { ReceiveDeps } from './deps.ts'
import { storeOutliers } from './outliers.ts'
import { type Incoming, readPdus } from './pdu.ts'
import { signed } from './signatures.ts'

/** What may be asked of others for one event that came: a liar must not keep this server busy. */
export interface Budget {
  requests: number
  /** Nothing more is asked from then on, in milliseconds. */
  readonly until: number
}

const longestMs = 60_000

export const budgetForOne = (now: number): Budget => ({ requests: 40, until: now + longestMs })

/** The event cannot be judged now: what it rests on is not to be had. It may be later. */
export class Unready extends Error {}

function spend({ now }: Pick<ReceiveDeps, 'now'>, budget: Budget): void {
  budget.requests -= 1
  if (budget.requests < 0 || now() > budget.until) throw new Unready('Too much would have to be asked for')
}

/** Those of what another server sent that are events of the room and rightly signed. */
export const readSigned = async (
  deps: ReceiveDeps,
  room: Pick<Room, 'id' | 'version'>,
  values: readonly Json[],
): Promise<Incoming[]> => signed(deps.keys, room.version, await readPdus(values, room.version, room.id))

/** Sees to it that what an event rests on is here, as far as the server that sent it has it. */
export async function bringAuthEvents(
  deps: ReceiveDeps,
  room: Room,
  event: RoomEvent,
  origin: string,
  budget: Budget,
): Promise<void> {
  const known = await deps.events.byIds(event.authEvents)
  if (event.authEvents.every((id) => known.has(id))) return
  spend(deps, budget)
  const chain = await deps.remote.authChain(origin, room.id, event.id).catch(() => [])
  await storeOutliers(deps, room, await readSigned(deps, room, chain))
}

/** Events between the head and one that came; they are taken one after the other before it. */
export async function eventsBetween(
  deps: ReceiveDeps,
  room: Room,
  event: RoomEvent,
  origin: string,
  budget: Budget,
): Promise<Incoming[]> {
  spend(deps, budget)
  const wish = { earliest: room.extremities.slice(0, 20).map(({ id }) => id), latest: [event.id], limit: 50 }
  const values = await deps.remote.missing(origin, room.id, wish).catch(() => [])
  const found = await readSigned(deps, room, values.slice(0, wish.limit))
  return found.filter((one) => one.event.id !== event.id).sort((a, b) => a.event.depth - b.event.depth)
}

/** So many events are asked for one by one; beyond, all are sent in one answer. */
const mostSingly = 10

/** The state before an event as the server that sent it says: what came before it is a gap. */
export async function stateFromOrigin(
  deps: ReceiveDeps,
  room: Room,
  event: RoomEvent,
  origin: string,
  budget: Budget,
): Promise<Derived & { readonly stateKeys: readonly number[] }> {
  spend(deps, budget)
  const ids = await deps.remote.stateIds(origin, room.id, event.id).catch((error: unknown) => {
    throw new Unready(`${origin} does not say what the state before ${event.id} was`, { cause: error })
  })
  const known = await deps.events.byIds([...ids.state, ...ids.authChain])
  const missing = [...new Set([...ids.state, ...ids.authChain])].filter((id) => !known.has(id))
  if (missing.length > 0) await bring(deps, room, event, origin, missing, budget)
  return stateOf(deps, room, [...(await deps.events.byIds(ids.state)).keys()])
}

async function bring(
  deps: ReceiveDeps,
  room: Room,
  event: RoomEvent,
  origin: string,
  missing: readonly string[],
  budget: Budget,
): Promise<void> {
  const values: Json[] = []
  if (missing.length <= mostSingly) {
    for (const id of missing) {
      spend(deps, budget)
      const value = await deps.remote.event(origin, room.id, id).catch(() => undefined)
      if (value !== undefined) values.push(value)
    }
  } else {
    spend(deps, budget)
    const { state, authChain } = await deps.remote.state(origin, room.id, event.id).catch((error: unknown) => {
      throw new Unready(`${origin} does not send the state before ${event.id}`, { cause: error })
    })
    values.push(...authChain, ...state)
  }
  await storeOutliers(deps, room, await readSigned(deps, room, values))
}

/** The state that these events make. Rejected ones, and what is no state of this room, are left out. */
export async function stateOf(
  deps: ReceiveDeps,
  room: Pick<Room, 'nid'>,
  ids: readonly string[],
): Promise<Derived & { readonly stateKeys: readonly number[] }> {
  const changes = new Map<number, number>()
  for (const stored of (await deps.events.byIds(ids)).values()) {
    const { type, stateKey } = stored.event
    if (stateKey === undefined || stored.room !== room.nid || stored.standing === standings.rejected) continue
    changes.set(await deps.stateKeys.intern(type, stateKey), stored.nid)
  }
  return { ...(await deps.stateSets.derive([], changes)), stateKeys: [...changes.keys()] }
}

/** Those of the ids that cannot be built upon. */
export async function unplaced(deps: ReceiveDeps, ids: readonly string[]): Promise<string[]> {
  const known = await deps.events.byIds(ids)
  return ids.filter((id) => {
    const stored = known.get(id)
    return !stored || !isPlaced(stored)
  })
}

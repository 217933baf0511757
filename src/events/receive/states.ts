import { createNamedBy, type StateLookup } from '../../matrix/auth-rules/index.ts'
import type { RoomEvent } from '../../matrix/event.ts'
import type { RoomVersion } from '../../matrix/room-version.ts'
import { holderIn, type Derived } from '../state-sets.ts'
import { standings, type StoredEvent } from '../stored-event.ts'
import type { StateLayer } from '../store/state.ts'
import type { ReceiveDeps } from './deps.ts'

export type Chain = readonly StateLayer[]

/** Whether the state before an event is known, so that it can be built upon. The create event has none. */
export const isPlaced = ({ stateBefore, position, event }: StoredEvent): boolean =>
  stateBefore !== null || (event.type === 'm.room.create' && position !== 0)

export const isSame = (a: Chain, b: Chain): boolean => {
  const [one, other] = [a.at(-1), b.at(-1)]
  return one === other || (one !== undefined && other !== undefined && Buffer.compare(one.hash, other.hash) === 0)
}

/** The state after an event: a rejected one changes nothing. */
export async function stateAfter(deps: ReceiveDeps, stored: StoredEvent): Promise<Derived> {
  const chain = stored.stateBefore === null ? [] : await deps.stateSets.chain(stored.stateBefore)
  const { type, stateKey } = stored.event
  if (stateKey === undefined || stored.standing === standings.rejected) return { chain, fresh: [] }
  const key = await deps.stateKeys.intern(type, stateKey)
  return deps.stateSets.derive(chain, new Map([[key, stored.nid]]))
}

/** Looks events up in a state. What `places` asks for is brought into memory first. */
export async function lookupIn(
  deps: ReceiveDeps,
  chain: Chain,
  event: RoomEvent,
  version: RoomVersion,
  places: ReadonlyArray<readonly [type: string, stateKey: string]>,
): Promise<StateLookup> {
  const found = new Map<string, RoomEvent>()
  for (const [type, stateKey] of [['m.room.create', ''] as const, ...places]) {
    const key = await deps.stateKeys.find(type, stateKey)
    const nid = key === undefined ? undefined : holderIn(chain, key)
    const stored = nid ? await deps.events.get(nid) : undefined
    if (stored) found.set(`${type}\0${stateKey}`, stored.event)
  }
  if (version.createIsRoomId && !found.has('m.room.create\0')) {
    const create = await deps.events.byId(`$${event.roomId.slice(1)}`)
    const named = create && createNamedBy(event, () => create.event)
    if (named) found.set('m.room.create\0', named)
  }
  return (type, stateKey) => found.get(`${type}\0${stateKey}`)
}

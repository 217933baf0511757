import type { Room, Rooms } from '../../events/index.ts'
import type { RequiredState } from './required-state.ts'
import type { StatePlacesCache } from './state-places.ts'

export interface PickDeps {
  readonly rooms: Rooms
  readonly statePlaces: StatePlacesCache
}

const member = 'm.room.member'
const any = '*'

/** The short ids of those events of a state that a client wants; members that come lazily are not among them. */
export async function pickState(
  { rooms, statePlaces }: PickDeps,
  room: Room,
  state: ReadonlyMap<number, number>,
  required: RequiredState,
): Promise<Set<number>> {
  const picked = new Set<number>()
  const pick = (key: number | undefined): void => {
    const event = key === undefined ? undefined : state.get(key)
    if (event !== undefined) picked.add(event)
  }
  const keyOfMember = async (userId: string): Promise<number | undefined> =>
    rooms.stateKeys.peek(member, userId) ?? rooms.stateKeys.find(member, userId)
  if (required.pairs.size === 0) return picked
  const places = await statePlaces.of(room)
  for (const [type, keys] of required.pairs) {
    const all = keys.has(any)
    if (type === member && all) for (const event of memberEvents(state, places)) picked.add(event)
    else if (type === member) for (const key of keys) pick(await keyOfMember(key))
    else if (type !== any)
      for (const [stateKey, key] of places.get(type) ?? []) if (all || keys.has(stateKey)) pick(key)
    if (type !== any) continue
    for (const ofType of places.values()) for (const [stateKey, key] of ofType) if (all || keys.has(stateKey)) pick(key)
    if (!all) for (const key of keys) pick(await keyOfMember(key))
    else if (!required.lazy) for (const event of memberEvents(state, places)) picked.add(event)
  }
  return picked
}

/** All that is in no other place. */
function memberEvents(
  state: ReadonlyMap<number, number>,
  places: ReadonlyMap<string, ReadonlyMap<string, number>>,
): number[] {
  const others = new Set<number>()
  for (const ofType of places.values()) for (const key of ofType.values()) others.add(key)
  const events: number[] = []
  for (const [key, event] of state) if (!others.has(key)) events.push(event)
  return events
}

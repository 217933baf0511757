import { mustRest, rest } from '../../storage/index.ts'
import { filtered, type FilterDeps } from './filters.ts'
import type { Place, Places } from './places.ts'
import type { ListWish, RoomConfig, SlidingRequest } from './request.ts'
import { union } from './required-state.ts'

/** A room that a request wants to hear of, by what it is on lists or subscribed to. */
export interface Wanted {
  readonly place: Place
  /** All that any of them wants. */
  readonly config: RoomConfig
  readonly lists: readonly string[]
  readonly subscribed: boolean
}

export interface WantedRooms {
  /** By nid. */
  readonly rooms: ReadonlyMap<number, Wanted>
  /** How many rooms each list has, in and out of its ranges. */
  readonly counts: ReadonlyMap<string, number>
}

const combine = (a: RoomConfig, b: RoomConfig): RoomConfig =>
  a === b ? a : { required: union(a.required, b.required), timelineLimit: Math.max(a.timelineLimit, b.timelineLimit) }

/** So many different wishes are told apart: rooms that are on the lists in yet other ways are told all that any room is. */
const mostCombinations = 50

/** Puts wishes together, each combination once, however many rooms have it. */
function combiner(all: Iterable<RoomConfig>): (a: RoomConfig, b: RoomConfig) => RoomConfig {
  const known = new Map<RoomConfig, Map<RoomConfig, RoomConfig>>()
  let count = 0
  let everything: RoomConfig | undefined
  return (a, b) => {
    if (a === b || a === everything) return a
    const ofA = known.get(a) ?? new Map<RoomConfig, RoomConfig>()
    known.set(a, ofA)
    let both = ofA.get(b)
    if (!both) {
      count += 1
      both = count <= mostCombinations ? combine(a, b) : (everything ??= [...all].reduce(combine))
      ofA.set(b, both)
    }
    return both
  }
}

/** The rooms in the windows of the lists, and those subscribed to; rooms that the user has nothing to do with are passed over. */
export async function wantedRooms(
  deps: FilterDeps,
  { lists, subscriptions, session }: SlidingRequest,
  places: Places,
): Promise<WantedRooms> {
  const rooms = new Map<number, Wanted>()
  const counts = new Map<string, number>()
  const merge = combiner([...[...lists.values()].map(({ config }) => config), ...subscriptions.values()])
  for (const [name, wish] of lists) {
    if (mustRest()) await rest()
    const list = await filtered(deps, session.user, places, wish.filters)
    counts.set(name, list.length)
    const alone = [name]
    for (const place of windowsOf(list, wish)) {
      const other = rooms.get(place.room.nid)
      rooms.set(
        place.room.nid,
        other
          ? { ...other, config: merge(other.config, wish.config), lists: [...other.lists, name] }
          : { place, config: wish.config, lists: alone, subscribed: false },
      )
    }
  }
  for (const [roomId, config] of subscriptions) {
    const place = places.byId.get(roomId)
    if (!place) continue
    const other = rooms.get(place.room.nid)
    rooms.set(
      place.room.nid,
      other
        ? { ...other, config: merge(other.config, config), subscribed: true }
        : { place, config, lists: [], subscribed: true },
    )
  }
  return { rooms, counts }
}

function windowsOf(list: readonly Place[], { ranges }: ListWish): Iterable<Place> {
  if (!ranges) return list
  const [only] = ranges
  if (ranges.length === 1 && only) return list.slice(only[0], only[1] + 1)
  // Ranges may overlap.
  return new Set(ranges.flatMap(([first, last]) => list.slice(first, last + 1)))
}

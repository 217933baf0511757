import { own } from '../../matrix/json.ts'
import { type Rooms, stateOfType } from '../../events/index.ts'
import type { Memory } from '../../storage/index.ts'

/** Room ids of the children of a space, of which the user must be a member. */
export function openSpaceChildren(rooms: Rooms, memory: Memory): (space: number) => Promise<ReadonlySet<string>> {
  /** Each as of a state set of the space. */
  const cache = memory.cache<number, { readonly state: number | undefined; readonly children: ReadonlySet<string> }>({
    name: 'children of spaces',
    weigh: ({ children }) => 100 + 150 * children.size,
  })
  return async (space) => {
    const room = await rooms.byNid(space)
    if (!room) return new Set()
    const state = room.chain.at(-1)?.nid
    const known = cache.get(space)
    if (known && known.state === state) return known.children
    const children = new Set<string>()
    for (const { event } of await stateOfType(rooms, room, 'm.space.child')) {
      // A child without servers to join by is one that was taken out.
      if (event.stateKey !== undefined && Array.isArray(own(event.content, 'via'))) children.add(event.stateKey)
    }
    cache.set(space, { state, children })
    return children
  }
}

import { authorize } from '../auth-rules/index.ts'
import type { RoomEvent } from '../event.ts'
import { powerLevelOf, powerLevelsFrom } from '../power-levels.ts'
import type { RoomVersion } from '../room-version.ts'
import { type StateMap, stateMapKey } from './state-map.ts'

/**
 * State resolution v2 and v2.1 once more, word for word from the specification and without any thought for speed, to compare
 * with. The two places where we follow other servers instead of the letter are followed here too.
 */
export const resolveSlowly = (
  version: RoomVersion,
  states: readonly StateMap[],
  events: ReadonlyMap<string, RoomEvent>,
  isRejected: (id: string) => boolean,
): Map<string, string> => {
  const event = (id: string) => events.get(id) as RoomEvent // the tests know all their events
  const chainOf = (ids: Iterable<string>, chain = new Set<string>()): Set<string> => {
    for (const id of ids) if (!chain.has(id)) chainOf(event(chain.add(id) && id).authEvents, chain)
    return chain
  }
  const cited = (from: RoomEvent, type: string) =>
    from.authEvents.map(event).find((each) => each.type === type && each.stateKey === '')
  const createOf = (of: RoomEvent) =>
    version.createIsRoomId ? event(`$${of.roomId.slice(1)}`) : cited(of, 'm.room.create')

  const keys = new Set(states.flatMap((state) => [...state.keys()]))
  const unconflicted = new Map<string, string>()
  const conflicted = new Set<string>()
  for (const key of keys) {
    const values = new Set(states.map((state) => state.get(key)))
    const [value] = values
    if (values.size === 1 && value !== undefined) unconflicted.set(key, value)
    else for (const each of values) if (each !== undefined) conflicted.add(each)
  }

  const chains = states.map((state) => chainOf(state.values()))
  const union = new Set(chains.flatMap((chain) => [...chain]))
  const full = new Set([...conflicted, ...[...union].filter((id) => !chains.every((chain) => chain.has(id)))])
  if (version.stateResolution === 'v2.1') {
    const below = chainOf(conflicted)
    for (const id of below) if ([...chainOf([id])].some((each) => conflicted.has(each))) full.add(id)
  }

  const isPower = ({ type, sender, stateKey, content }: RoomEvent) =>
    ['m.room.power_levels', 'm.room.join_rules'].includes(type) ||
    (type === 'm.room.member' &&
      sender !== stateKey &&
      (content['membership'] === 'leave' || content['membership'] === 'ban'))
  const chosen = new Set<string>()
  const choose = (id: string) => {
    if (!full.has(id) || chosen.has(id)) return
    chosen.add(id)
    event(id).authEvents.forEach(choose)
  }
  for (const id of full) if (isPower(event(id))) choose(id)

  const power = (of: RoomEvent) =>
    powerLevelOf(powerLevelsFrom(cited(of, 'm.room.power_levels'), createOf(of), version), of.sender)
  const byTime = (a: RoomEvent, b: RoomEvent) => a.ts - b.ts || (a.id < b.id ? -1 : 1)
  const ordered: RoomEvent[] = []
  const left = new Set([...chosen].map(event))
  while (left.size > 0) {
    const ready = [...left].filter((each) => !each.authEvents.some((id) => chosen.has(id) && left.has(event(id))))
    const [next] = ready.sort((a, b) => (power(a) === power(b) ? byTime(a, b) : power(b) > power(a) ? 1 : -1))
    if (!next) break
    left.delete(next)
    ordered.push(next)
  }

  const state = new Map(version.stateResolution === 'v2.1' ? [] : unconflicted)
  const apply = (list: readonly RoomEvent[]) => {
    for (const each of list) {
      if (isRejected(each.id)) continue
      const lookup = (type: string, stateKey: string) => {
        const present = state.get(stateMapKey(type, stateKey))
        if (present !== undefined && !isRejected(present)) return event(present)
        const candidates =
          type === 'm.room.create' && version.createIsRoomId ? [createOf(each)] : each.authEvents.map(event)
        return candidates.find(
          (auth) => auth && auth.type === type && auth.stateKey === stateKey && !isRejected(auth.id),
        )
      }
      if (authorize(each, version, lookup).allowed) state.set(stateMapKey(each.type, each.stateKey ?? ''), each.id)
    }
  }
  apply(ordered)

  const mainline: string[] = []
  const levels = state.get(stateMapKey('m.room.power_levels', ''))
  for (let at = levels === undefined ? undefined : event(levels); at; at = cited(at, 'm.room.power_levels'))
    mainline.push(at.id)
  const position = (of: RoomEvent) => {
    for (let at = cited(of, 'm.room.power_levels'); at; at = cited(at, 'm.room.power_levels')) {
      if (mainline.includes(at.id)) return mainline.indexOf(at.id)
    }
    return Infinity
  }
  const rest = [...full].filter((id) => !chosen.has(id)).map(event)
  apply(rest.sort((a, b) => (position(a) === position(b) ? byTime(a, b) : position(b) > position(a) ? 1 : -1)))
  for (const [key, id] of unconflicted) state.set(key, id)
  return state
}

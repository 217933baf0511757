/** Which state events of a room a client wants to be told of. Immutable; two with the same `text` are the same. */
export interface RequiredState {
  /** The pairs in a fixed order, as JSON. */
  readonly text: string
  /** State keys by event type; `*` stands for all, as type and as state key. */
  readonly pairs: ReadonlyMap<string, ReadonlySet<string>>
  /** Members come with the events that are theirs, and not because they are members. */
  readonly lazy: boolean
}

/** Event type and state key as a client writes them; further `$ME`, and for members `$LAZY`. */
export type StatePair = readonly [type: string, stateKey: string]

const member = 'm.room.member'
const any = '*'
const lazily = '$LAZY'

/** As long as somebody holds them: a connection does, which is weighed. */
const remembered = new Map<string, WeakRef<RequiredState>>()
const forgotten = new FinalizationRegistry<string>((text) => {
  if (!remembered.get(text)?.deref()) remembered.delete(text)
})

/** Makes it of pairs in any order, `$ME` being `userId`. The same pairs give the same object, as long as they are in use. */
export function requiredState(wanted: Iterable<StatePair>, userId: string): RequiredState {
  const sets = new Map<string, Set<string>>()
  for (const [type, key] of wanted) {
    const keys = sets.get(type) ?? new Set()
    sets.set(type, keys.add(key === '$ME' ? userId : key))
  }
  const sorted = [...sets].sort(([a], [b]) => (a < b ? -1 : 1)).map(([type, keys]) => [type, [...keys].sort()] as const)
  const text = JSON.stringify(sorted.flatMap(([type, keys]) => keys.map((key) => [type, key])))
  const known = remembered.get(text)?.deref()
  if (known) return known
  const lazy = sets.get(member)?.delete(lazily) ?? false
  const made: RequiredState = {
    text,
    pairs: new Map(sorted.map(([type]) => [type, sets.get(type) ?? new Set()])),
    lazy,
  }
  remembered.set(text, new WeakRef(made))
  forgotten.register(made, text)
  return made
}

/** The one that was written down as `text`. */
export const requiredStateFrom = (text: string): RequiredState =>
  remembered.get(text)?.deref() ?? requiredState(JSON.parse(text) as StatePair[], '')

export const noState: RequiredState = requiredState([], '')

/** Whether a state event is wanted for itself; members that come lazily are not. */
export function matches({ pairs, lazy }: RequiredState, type: string, stateKey: string): boolean {
  const keys = pairs.get(type)
  if (keys && (keys.has(stateKey) || keys.has(any))) return true
  const ofAll = pairs.get(any)
  if (!ofAll) return false
  return (ofAll.has(any) && !(lazy && type === member)) || (stateKey !== any && ofAll.has(stateKey))
}

const pairsOf = ({ pairs, lazy }: RequiredState): StatePair[] => [
  ...[...pairs].flatMap(([type, keys]) => [...keys].map((key): StatePair => [type, key])),
  ...(lazy ? [[member, lazily] as const] : []),
]

/** All that either wants. */
export function union(a: RequiredState, b: RequiredState): RequiredState {
  if (covers(a, b)) return a
  if (covers(b, a)) return b
  const all = [...pairsOf(a), ...pairsOf(b)]
  // `*` `*` without laziness has all members: together with a lazy one it would no longer say so.
  const allMembers = [a, b].some((one) => !one.lazy && one.pairs.get(any)?.has(any))
  return requiredState(allMembers ? [...all, [member, any]] : all, '')
}

/** Whether whoever has what `a` wants has what `b` wants. */
export function covers(a: RequiredState, b: RequiredState): boolean {
  if (a === b || a.text === b.text) return true
  const hasMembers = a.pairs.get(member)?.has(any) || (!a.lazy && a.pairs.get(any)?.has(any)) || false
  if (b.lazy && !a.lazy && !hasMembers) return false
  for (const [type, keys] of b.pairs) {
    for (const key of keys) if (!coversPair(a, b, type, key, hasMembers)) return false
  }
  return true
}

function coversPair(a: RequiredState, b: RequiredState, type: string, key: string, hasMembers: boolean): boolean {
  if (type === member && key === any) return hasMembers
  if (type === any && key === any) return (a.pairs.get(any)?.has(any) ?? false) && (hasMembers || b.lazy)
  if (type === any) return a.pairs.get(any)?.has(key) || (a.pairs.get(any)?.has(any) && hasMembers) || false
  return matches(a, type, key)
}

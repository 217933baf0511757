/** A room state: the event id that holds each place. The key of a place is {@link stateMapKey}. */
export type StateMap = ReadonlyMap<string, string>

/** The key of a place in a {@link StateMap}. */
export const stateMapKey = (type: string, stateKey: string): string => `${type}\u0000${stateKey}`

/** Several states, taken apart into what they agree on and what they do not. */
export interface Separated {
  readonly unconflicted: Map<string, string>
  /** For each state, the ids in it that are not unconflicted. */
  readonly conflicted: readonly (readonly string[])[]
}

/** A place is unconflicted when every state has it, with one and the same event. */
export const separate = (states: readonly StateMap[]): Separated => {
  const unconflicted = new Map<string, string>()
  const [first, ...others] = states
  for (const [key, id] of first ?? []) if (others.every((state) => state.get(key) === id)) unconflicted.set(key, id)
  const conflicted = states.map((state) => {
    const ids: string[] = []
    for (const [key, id] of state) if (!unconflicted.has(key)) ids.push(id)
    return ids
  })
  return { unconflicted, conflicted }
}

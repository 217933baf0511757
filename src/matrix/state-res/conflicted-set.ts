import type { AuthGraph } from './auth-graph.ts'
import { walk } from './auth-graph.ts'
import type { Separated } from './state-map.ts'

/**
 * Of the events in `chain`, those that some states reach and others do not. A state reaches its own events and their auth
 * chains.
 *
 * Only `chain` (what the conflicted events reach) can hold such events. Mostly all of it is reached by the few
 * unconflicted events that are in it themselves, such as the power levels; only what is still open after them costs a walk through the
 * chains of the whole state, and that walk stops as soon as nothing is open.
 */
const authDifference = (
  graph: AuthGraph,
  states: Separated,
  chain: ReadonlySet<string>,
  conflicted: ReadonlySet<string>,
): Set<string> => {
  const unconflicted = [...states.unconflicted.values()]
  const common = walk(
    graph,
    unconflicted.filter((id) => chain.has(id)),
  )
  const open = new Set([...chain].filter((id) => !common.has(id) && !conflicted.has(id)))
  const reachedByAll = walk(graph, unconflicted, (id) => {
    if (open.size === 0 || common.has(id)) return false
    open.delete(id)
    return true
  })
  if (open.size === 0) return open

  const reachedBy = new Map<string, number>()
  for (const ids of states.conflicted) {
    for (const id of walk(graph, ids, (id) => !common.has(id) && !reachedByAll.has(id))) {
      if (open.has(id)) reachedBy.set(id, (reachedBy.get(id) ?? 0) + 1)
    }
  }
  for (const [id, count] of reachedBy) if (count === states.conflicted.length) open.delete(id)
  return open
}

/** The events on the ways through the auth graph from one conflicted event to another, ends included (v2.1). */
const conflictedSubgraph = (
  graph: AuthGraph,
  chain: ReadonlySet<string>,
  conflicted: ReadonlySet<string>,
): Set<string> => {
  const citing = new Map<string, string[]>()
  for (const id of chain) {
    for (const cited of graph.get(id)?.authEvents ?? []) {
      const known = citing.get(cited)
      if (known) known.push(id)
      else citing.set(cited, [id])
    }
  }
  const subgraph = new Set<string>()
  const open = [...conflicted].filter((id) => chain.has(id))
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (subgraph.has(id)) continue
    subgraph.add(id)
    open.push(...(citing.get(id) ?? []))
  }
  return subgraph
}

/**
 * The full conflicted set: the conflicted events, the auth difference and, in v2.1, the conflicted subgraph. State events that
 * this server has.
 *
 * In the auth difference, a state's own events count as reached by it. Read literally, the specification counts only what
 * they cite; but as other servers count it like this, and the outcome can depend on it, so do we.
 */
export const fullConflictedSet = (graph: AuthGraph, states: Separated): Set<string> => {
  const conflicted = new Set(states.conflicted.flat())
  const chain = walk(graph, conflicted)
  const full = new Set([...conflicted, ...authDifference(graph, states, chain, conflicted)])
  if (graph.version.stateResolution === 'v2.1')
    for (const id of conflictedSubgraph(graph, chain, conflicted)) full.add(id)
  for (const id of full) if (graph.get(id)?.stateKey === undefined) full.delete(id)
  return full
}

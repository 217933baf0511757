import { flatten, type StateLayer } from '../../events/index.ts'
import type { ImportContext } from '../target.ts'

type Chain = readonly StateLayer[]

/** A state group of Synapse, as it is stored: what differs from another one, or everything. */
interface Group {
  readonly parent: number | undefined
  readonly holders: readonly { type: string; state_key: string; event_id: string }[]
}

/** The state groups of one room, as state sets. */
export interface StateGroups {
  /** Reads several at once, to be asked about soon. */
  prepare(groups: readonly number[]): Promise<void>
  /** What a group is stored upon. */
  read(group: number): Promise<Group>
  /** The state set of a group, as layers, of which the new ones are in `fresh`. */
  chainOf(group: number): Promise<Chain>
  /** The set that follows `before` when one key is given to another event. */
  after(before: Chain, changes: ReadonlyMap<number, number>): Promise<Chain>
  /** The set with just this content, told as what differs from a set that is like it. */
  whole(state: ReadonlyMap<number, number>): Promise<Chain>
  /** The state as short ids. Events that are nowhere are left out. */
  idsOf(holders: Group['holders']): Promise<Map<number, number>>
  /** Layers and state keys that no write has stored yet. */
  take(): { layers: StateLayer[]; keys: number[] }
}

/** Groups of which the layers are remembered: those that come next are built upon these. */
const mostKept = 300

interface StateRow {
  state_group: number
  type: string
  state_key: string
  event_id: string
}

export function openStateGroups(
  ctx: ImportContext,
  events: { nidsOf(ids: readonly string[]): Promise<ReadonlyMap<string, number>> },
  roomId: string,
): StateGroups {
  const { source, stateSets, stateKeys, report } = ctx
  const read = new Map<number, Group>()
  const chains = new Map<number, Chain>()
  /** By content, as the database does not know them yet. */
  const byHash = new Map<string, Chain>()
  let layers: StateLayer[] = []
  let keys: number[] = []
  let last: Chain = []

  const learn = async (groups: readonly number[]): Promise<void> => {
    const wanted = groups.filter((group) => !read.has(group))
    for (let start = 0; start < wanted.length; start += 100) {
      const part = wanted.slice(start, start + 100)
      const marks = part.map(() => '?').join(', ')
      const edges = await source.rows<{ state_group: number; prev_state_group: number }>(
        `select state_group, prev_state_group from state_group_edges where state_group in (${marks})`,
        part,
      )
      const parents = new Map(edges.map((edge) => [edge.state_group, edge.prev_state_group]))
      // A whole state may be large: those are read one by one, when they are wanted.
      const differing = part.filter((group) => parents.has(group))
      const rows = differing.length === 0 ? [] : await holdersOf(differing)
      const held = Map.groupBy(rows, (row) => row.state_group)
      for (const group of differing) read.set(group, { parent: parents.get(group), holders: held.get(group) ?? [] })
    }
  }
  const holdersOf = (groups: readonly number[]): Promise<StateRow[]> =>
    source.rows<StateRow>(
      `select state_group, type, state_key, event_id from state_groups_state where state_group in (${groups.map(() => '?').join(', ')})`,
      groups,
    )
  const groupOf = async (group: number): Promise<Group> => {
    await learn([group])
    return read.get(group) ?? { parent: undefined, holders: await holdersOf([group]) }
  }

  const keep = (chain: Chain): Chain => {
    last = chain
    return chain
  }
  const derive = async (before: Chain, changes: ReadonlyMap<number, number>): Promise<Chain> => {
    const { chain, fresh } = await stateSets.derive(before, changes)
    const [made] = fresh
    if (!made) return keep(chain)
    const hash = Buffer.from(made.hash).toString('hex')
    const pending = byHash.get(hash)
    if (pending) return keep(pending)
    byHash.set(hash, chain)
    layers.push(made)
    return keep(chain)
  }
  const idsOf = async (holders: Group['holders']): Promise<Map<number, number>> => {
    const nids = await events.nidsOf(holders.map((one) => one.event_id))
    const state = new Map<number, number>()
    for (const { type, state_key: stateKey, event_id: id } of holders) {
      const nid = nids.get(id)
      if (nid === undefined) {
        report.leave('events that the state of a room names and that are nowhere', `${id} in ${roomId}`)
        continue
      }
      const key = stateKeys.peek(type, stateKey) ?? (await stateKeys.intern(type, stateKey))
      keys.push(key)
      state.set(key, nid)
    }
    return state
  }
  const whole = async (state: ReadonlyMap<number, number>): Promise<Chain> => {
    const changes = new Map(state)
    for (const [key, event] of flatten(last)) {
      if (state.get(key) === event) changes.delete(key)
      else if (!state.has(key)) changes.set(key, 0)
    }
    return derive(last, changes)
  }
  const remember = (group: number, chain: Chain): void => {
    chains.delete(group)
    chains.set(group, chain)
    if (chains.size > mostKept) chains.delete(chains.keys().next().value ?? 0)
  }

  return {
    prepare: learn,
    read: groupOf,
    after: derive,
    whole,
    idsOf,
    chainOf: async (group) => {
      const path: { group: number; holders: Group['holders'] }[] = []
      let chain: Chain | undefined
      for (let at: number | undefined = group; at !== undefined && !chain;) {
        chain = chains.get(at)
        if (chain) break
        const found: Group = await groupOf(at)
        if (found.parent === undefined) {
          chain = await whole(await idsOf(found.holders))
          remember(at, chain)
          break
        }
        path.push({ group: at, holders: found.holders })
        at = found.parent
      }
      for (const { group: at, holders } of path.reverse()) {
        chain = await derive(chain ?? [], await idsOf(holders))
        remember(at, chain)
      }
      return chain ?? []
    },
    take: () => {
      const taken = { layers, keys: [...new Set(keys)] }
      layers = []
      keys = []
      byHash.clear()
      read.clear()
      return taken
    },
  }
}

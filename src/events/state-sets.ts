import { hash } from 'node:crypto'
import type { Database, Reader, Sequence, Tx } from '../storage/index.ts'
import { insertStateLayer, readStateLayer, readStateSetByHash, type StateLayer } from './store/state.ts'

/** State: for each state key (short id) the event (short id) that holds it. */
export type StateMap = ReadonlyMap<number, number>

export interface StateSets {
  /** The whole set. It is shared: never change it. */
  load(nid: number): Promise<StateMap>
  /** The event that holds one key in a set, found without building the set. */
  find(nid: number, key: number): Promise<number | undefined>
  /** The layers of a set, base first. */
  chain(nid: number): Promise<readonly StateLayer[]>
  /** The set that follows `chain` when `key` is given to `event`. It is not stored yet. */
  follow(
    chain: readonly StateLayer[],
    size: number,
    key: number,
    replaced: number | undefined,
    event: number,
  ): readonly StateLayer[]
  /**
   * The set that follows `chain` when several keys are given to other events; 0: to none. Where the database has a set of this content
   * already, it is that one, and nothing is left to be stored.
   */
  derive(chain: readonly StateLayer[], changes: ReadonlyMap<number, number>): Promise<Derived>
  /** Stores the newest layer of a chain. */
  store(tx: Tx, chain: readonly StateLayer[]): Promise<void>
  /** The id of the set with this content, stored as a whole when it is new: for state that comes from resolution. */
  intern(tx: Tx, state: StateMap): Promise<number>
  /** These are gone. */
  forget(nids: readonly number[]): void
}

/** A state set, and what of it is not in the database yet. */
export interface Derived {
  readonly chain: readonly StateLayer[]
  readonly fresh: readonly StateLayer[]
}

/** Ancestors that a set may have: it is read with at most this many rows and one. */
const deepest = 3
const hashBytes = 16
/** In memory, of a state key and its event. */
const pairBytes = 40

/**
 * State sets by content. The hash of a set is the sum of keyed hashes of its pairs (mod 2^128), so that one change costs
 * two hashes, whatever the size; the key keeps anyone outside from making two sets collide.
 *
 * A set is stored as what differs from its parent. Layers grow towards the base by powers of n^(1/4): a change
 * rewrites the small top layer, and seldom a larger one, so that n changes cost far less than n copies.
 */
export function openStateSets(database: Database, ids: Sequence, secret: string): StateSets {
  const layers = database.memory.cache<number, StateLayer>({
    name: 'state layers',
    weigh: ({ delta }) => 300 + pairBytes * delta.size,
  })
  const sets = database.memory.cache<number, StateMap>({
    name: 'state sets',
    weigh: (state) => 200 + pairBytes * state.size,
  })

  const pairHash = (key: number, event: number): bigint => {
    const digest = hash('sha256', `${secret}:${key}:${event}`, 'buffer')
    return (digest.readBigUInt64BE(0) << 64n) | digest.readBigUInt64BE(8)
  }

  const toBytes = (sum: bigint): Uint8Array =>
    Buffer.from(
      BigInt.asUintN(128, sum)
        .toString(16)
        .padStart(hashBytes * 2, '0'),
      'hex',
    )
  const fromBytes = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString('hex')}`)

  const layer = async (nid: number, db: Reader): Promise<StateLayer> => {
    const cached = layers.get(nid)
    if (cached) return cached
    const found = await readStateLayer(db, nid)
    if (!found) throw new Error(`State set ${nid} is not in the database`)
    layers.set(nid, found)
    return found
  }

  const chain = async (nid: number): Promise<readonly StateLayer[]> => {
    const found: StateLayer[] = []
    for (let next: number | null = nid; next !== null;) {
      const one: StateLayer = await layer(next, database.read)
      found.unshift(one)
      next = one.parent
    }
    return found
  }

  const load = async (nid: number): Promise<StateMap> => {
    const cached = sets.get(nid)
    if (cached) return cached
    const state = flatten(await chain(nid))
    sets.set(nid, state)
    return state
  }

  /** The layers that stay below a new one. It flows into the layer below while there is no level left for it, or while it is larger than its level's share. */
  const stack = (before: readonly StateLayer[], delta: Map<number, number>, size: number): StateLayer[] => {
    const kept = [...before]
    const share = (level: number): number => size ** ((deepest + 1 - level) / (deepest + 1))
    while (kept.length > 0 && (kept.length > deepest || delta.size > share(kept.length))) {
      for (const [oldKey, oldEvent] of kept.pop()?.delta ?? []) if (!delta.has(oldKey)) delta.set(oldKey, oldEvent)
    }
    return kept
  }

  return {
    forget: (nids) => {
      for (const nid of nids) {
        layers.delete(nid)
        sets.delete(nid)
      }
    },
    load,
    chain,
    find: async (nid, key) => {
      const whole = sets.get(nid)
      if (whole) return whole.get(key)
      for (let next: number | null = nid; next !== null;) {
        const one: StateLayer = await layer(next, database.read)
        const event = one.delta.get(key)
        if (event !== undefined) return event === 0 ? undefined : event
        next = one.parent
      }
      return undefined
    },
    follow(before, size, key, replaced, event) {
      const delta = new Map([[key, event]])
      const kept = stack(before, delta, Math.max(size, 16))
      const parent = kept.at(-1)
      const last = before.at(-1)
      const sum =
        (last ? fromBytes(last.hash) : 0n) +
        pairHash(key, event) -
        (replaced === undefined ? 0n : pairHash(key, replaced))
      const made: StateLayer = {
        nid: ids.next(),
        hash: toBytes(sum),
        parent: parent?.nid ?? null,
        level: kept.length,
        delta,
      }
      kept.push(made)
      return kept
    },
    derive: async (before, changes) => {
      const last = before.at(-1)
      let sum = last ? fromBytes(last.hash) : 0n
      const delta = new Map<number, number>()
      for (const [key, event] of changes) {
        const replaced = holderIn(before, key) ?? 0
        if (replaced === event) continue
        if (replaced !== 0) sum -= pairHash(key, replaced)
        if (event !== 0) sum += pairHash(key, event)
        delta.set(key, event)
      }
      if (delta.size === 0 && last) return { chain: before, fresh: [] }
      const content = toBytes(sum)
      const known = await readStateSetByHash(database.read, content)
      if (known !== undefined) return { chain: await chain(known), fresh: [] }
      const kept = stack(before, delta, Math.max(before[0]?.delta.size ?? 0, 16))
      const parent = kept.at(-1)
      const made = { nid: ids.next(), hash: content, parent: parent?.nid ?? null, level: kept.length, delta }
      return { chain: [...kept, made], fresh: [made] }
    },
    store: async (tx, made) => {
      const top = made.at(-1)
      if (!top) return
      await insertStateLayer(tx, top)
      layers.set(top.nid, top)
    },
    intern: async (tx, state) => {
      let sum = 0n
      for (const [key, event] of state) sum += pairHash(key, event)
      const content = toBytes(sum)
      const known = await readStateSetByHash(tx, content)
      if (known !== undefined) return known
      const nid = ids.next()
      await insertStateLayer(tx, { nid, hash: content, parent: null, level: 0, delta: state })
      return nid
    },
  }
}

/** The event that holds a key in a set; 0 or undefined: none does. */
export function holderIn(chain: readonly StateLayer[], key: number): number | undefined {
  for (let index = chain.length - 1; index >= 0; index--) {
    const event = chain[index]?.delta.get(key)
    if (event !== undefined) return event
  }
  return undefined
}

/** The set that a chain of layers amounts to. */
export function flatten(chain: readonly StateLayer[]): Map<number, number> {
  const state = new Map<number, number>()
  for (const { delta } of chain) {
    for (const [key, event] of delta) {
      if (event === 0) state.delete(key)
      else state.set(key, event)
    }
  }
  return state
}

import type { Database, Sequence, Tx } from '../storage/index.ts'
import { insertStateKey, readStateKey, readStateKeys } from './store/state.ts'

export interface StateKeyName {
  readonly type: string
  readonly stateKey: string
}

/** Short ids of (type, state key) pairs. */
export interface StateKeys {
  /** From memory alone. */
  peek(type: string, stateKey: string): number | undefined
  find(type: string, stateKey: string): Promise<number | undefined>
  /** Finds the id or gives one out; the pair must then be stored by `store` in the write that first uses it. */
  intern(type: string, stateKey: string): Promise<number>
  /** Stores the pair, if that has not been done. */
  store(tx: Tx, nid: number): Promise<void>
  /** To be called when a write that stored the pair has been committed. */
  confirm(nid: number): void
  names(nids: readonly number[]): Promise<ReadonlyMap<number, StateKeyName>>
}

export function openStateKeys(database: Database, ids: Sequence): StateKeys {
  const nids = database.memory.cache<string, number>({ name: 'state keys', weigh: (_, text) => 2 * text.length })
  const names = database.memory.cache<number, StateKeyName>({
    name: 'state key names',
    weigh: ({ type, stateKey }) => 50 + 2 * (type.length + stateKey.length),
  })
  /** Given out, and not known to be in the database: kept until a write that stores them has gone through. */
  const unstored = new Map<number, StateKeyName>()
  const unstoredNids = new Map<string, number>()

  const textOf = (type: string, stateKey: string): string => `${type}\u0000${stateKey}`
  const learn = (nid: number, type: string, stateKey: string): void => {
    nids.set(textOf(type, stateKey), nid)
    names.set(nid, { type, stateKey })
  }
  const peek = (type: string, stateKey: string): number | undefined => {
    const text = textOf(type, stateKey)
    return nids.get(text) ?? unstoredNids.get(text)
  }
  const find = async (type: string, stateKey: string): Promise<number | undefined> => {
    const known = peek(type, stateKey)
    if (known !== undefined) return known
    const nid = await readStateKey(database.read, type, stateKey)
    if (nid !== undefined) learn(nid, type, stateKey)
    return nid
  }
  const confirm = (nid: number): void => {
    const name = unstored.get(nid)
    if (!name) return
    learn(nid, name.type, name.stateKey)
    unstored.delete(nid)
    unstoredNids.delete(textOf(name.type, name.stateKey))
  }
  return {
    peek,
    find,
    intern: async (type, stateKey) => {
      const known = (await find(type, stateKey)) ?? peek(type, stateKey)
      if (known !== undefined) return known
      const nid = ids.next()
      unstored.set(nid, { type, stateKey })
      unstoredNids.set(textOf(type, stateKey), nid)
      return nid
    },
    store: async (tx, nid) => {
      const name = unstored.get(nid)
      if (name) await insertStateKey(tx, nid, name.type, name.stateKey)
    },
    confirm,
    names: async (wanted) => {
      const found = new Map<number, StateKeyName>()
      const missing: number[] = []
      for (const nid of wanted) {
        const name = names.get(nid) ?? unstored.get(nid)
        if (name) found.set(nid, name)
        else missing.push(nid)
      }
      for (const row of missing.length > 0 ? await readStateKeys(database.read, missing) : []) {
        found.set(row.nid, { type: row.type, stateKey: row.state_key })
        learn(row.nid, row.type, row.state_key)
      }
      return found
    },
  }
}

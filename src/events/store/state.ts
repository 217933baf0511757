import { hot, type Reader, type Tx } from '../../storage/index.ts'

const findKey = hot((db, p: { type: string; stateKey: string }) =>
  db.selectFrom('state_keys').where('type', '=', p.type).where('state_key', '=', p.stateKey).select('nid'),
)

const addKey = hot((db, p: { nid: number; type: string; stateKey: string }) =>
  db
    .insertInto('state_keys')
    .values({ nid: p.nid, type: p.type, state_key: p.stateKey })
    .onConflict((conflict) => conflict.doNothing()),
)

const findSet = hot((db, p: { nid: number }) => db.selectFrom('state_sets').where('nid', '=', p.nid).selectAll())

const findSetByHash = hot((db, p: { hash: Uint8Array }) =>
  db.selectFrom('state_sets').where('hash', '=', p.hash).select('nid'),
)

const addSet = hot((db, p: { nid: number; hash: Uint8Array; parent: number | null; level: number; delta: string }) =>
  db
    .insertInto('state_sets')
    .values({ nid: p.nid, hash: p.hash, parent_nid: p.parent, level: p.level, delta: p.delta })
    .onConflict((conflict) => conflict.doNothing()),
)

export const readStateKey = async (db: Reader, type: string, stateKey: string): Promise<number | undefined> =>
  (await findKey.first(db, { type, stateKey }))?.nid

/** The (type, state key) pairs behind short ids, in no order. */
export async function readStateKeys(
  db: Reader,
  nids: readonly number[],
): Promise<Array<{ nid: number; type: string; state_key: string }>> {
  const rows = []
  for (let start = 0; start < nids.length; start += 500) {
    rows.push(
      ...(await db
        .selectFrom('state_keys')
        .where('nid', 'in', nids.slice(start, start + 500))
        .selectAll()
        .execute()),
    )
  }
  return rows
}

export async function insertStateKey(tx: Tx, nid: number, type: string, stateKey: string): Promise<void> {
  addKey.later(tx, { nid, type, stateKey })
}

/** One layer of a state set. */
export interface StateLayer {
  nid: number
  hash: Uint8Array
  parent: number | null
  level: number
  delta: ReadonlyMap<number, number>
}

export async function readStateLayer(db: Reader, nid: number): Promise<StateLayer | undefined> {
  const row = await findSet.first(db, { nid })
  if (!row) return undefined
  const flat = JSON.parse(row.delta) as number[]
  const delta = new Map<number, number>()
  for (let i = 0; i < flat.length; i += 2) delta.set(flat[i] ?? 0, flat[i + 1] ?? 0)
  return { nid: row.nid, hash: row.hash, parent: row.parent_nid, level: row.level, delta }
}

export const readStateSetByHash = async (db: Reader, hash: Uint8Array): Promise<number | undefined> =>
  (await findSetByHash.first(db, { hash }))?.nid

export async function insertStateLayer(tx: Tx, layer: StateLayer): Promise<void> {
  const flat: number[] = []
  for (const [key, event] of layer.delta) flat.push(key, event)
  addSet.later(tx, {
    nid: layer.nid,
    hash: layer.hash,
    parent: layer.parent,
    level: layer.level,
    delta: JSON.stringify(flat),
  })
}

import { MatrixError } from '../../matrix/errors.ts'
import type { Database, Tx } from '../../storage/index.ts'
import { decode, encode } from './codec.ts'
import {
  acknowledge,
  connectionBytes,
  emptyState,
  give,
  newConnection,
  type Changes,
  type Connection,
  type Pos,
} from './connection.ts'
import { deleteConnectionsOf, deleteUnused, readConnection, saveConnection } from './store.ts'

/** The sync loops of all clients: in memory while they are in use, and in the database so that they outlive a restart. */
export interface Connections extends AsyncDisposable {
  /** The connection that a request goes on with, or a new one. @throws {MatrixError} M_UNKNOWN_POS */
  open(owner: number, id: string, pos: Pos | undefined): Promise<Connection>
  /**
   * Takes down what an answer changes, and returns its `pos`. What is to be stored is stored after the answer is on its way.
   * @param members - short ids of the member events that the answer has
   * @param request - `connection.turn` when the request came, and the `pos` that it came with
   */
  answer(
    connection: Connection,
    request: { readonly turn: number; readonly pos: Pos | undefined },
    position: number,
    changes: Changes,
    members: readonly number[],
  ): Pos
  /** For the write that deletes devices. */
  deleteOf(tx: Tx, devices: readonly number[]): Promise<void>
}

export interface ConnectionsDeps {
  readonly database: Database
  readonly now: () => number
  readonly randomId: () => string
  readonly onError: (error: unknown) => void
}

/** Characters of a connection in the database. */
const longestStored = 1024 * 1024
/** Stored connections of a device. */
const mostOfDevice = 10
const day = 24 * 60 * 60 * 1000
const unusedFor = 30 * day

export const unknownPos = (): MatrixError =>
  new MatrixError('M_UNKNOWN_POS', 'This connection is not known any more: begin anew, without pos')

const keyOf = (owner: number, id: string): string => `${owner} ${id}`

export function openConnections({ database, now, randomId, onError }: ConnectionsDeps): Connections {
  const cache = database.memory.cache<string, Connection>({ name: 'connections', weigh: connectionBytes, grows: true })
  /** Those that are being written down, which must not be read from their old rows meanwhile. */
  const saving = new Map<string, { readonly connection: Connection; again: boolean; readonly done: Promise<void> }>()
  let cleanedTs = now()

  const save = (connection: Connection): void => {
    const key = keyOf(connection.owner, connection.id)
    const under = saving.get(key)
    if (under?.connection === connection) {
      under.again = true
      return
    }
    const after = under?.done ?? new Promise<void>((resolve) => setImmediate(resolve)) // the answer goes first
    saving.set(key, { connection, again: true, done: after.then(() => write(key, connection)) })
  }

  /** One write at a time for a connection: what changes during one is left for the next. */
  const write = async (key: string, connection: Connection): Promise<void> => {
    const here = saving.get(key)
    if (here?.connection !== connection) return
    while (here.again) {
      here.again = false
      await writeOnce(connection).catch(onError)
    }
    if (saving.get(key) === here) saving.delete(key)
  }

  const writeOnce = async (connection: Connection): Promise<void> => {
    const { owner, id, savedTs } = connection
    const ts = now()
    const cleans = ts - cleanedTs > day
    if (cleans) cleanedTs = ts
    connection.savedTs = ts
    const text = encode(connection)
    connection.size = text.length
    // It lives in memory alone: after a restart the client begins anew.
    if (text.length > longestStored) return
    await database.write(async (tx) => {
      await saveConnection(tx, owner, id, text, ts, savedTs === 0 ? mostOfDevice : undefined)
      if (cleans) await deleteUnused(tx, ts - unusedFor)
    })
  }

  const find = async (owner: number, id: string): Promise<Connection | undefined> => {
    const key = keyOf(owner, id)
    const known = cache.get(key) ?? saving.get(key)?.connection
    if (known) return known
    const row = await readConnection(database.read, owner, id)
    return cache.get(key) ?? (row && decode(owner, id, row.state, row.saved_ts))
  }

  return {
    open: async (owner, id, pos) => {
      const key = keyOf(owner, id)
      const startsEmpty = pos === undefined || pos.state === emptyState
      let connection = startsEmpty ? cache.get(key) : await find(owner, id)
      if (startsEmpty && (pos === undefined || connection?.state !== emptyState)) connection = newConnection(owner, id)
      if (!connection || (pos && !acknowledge(connection, pos))) throw unknownPos()
      cache.set(key, connection)
      connection.turn += 1
      if (connection.savedTs > 0 && now() - connection.savedTs > day) save(connection)
      return connection
    },
    answer: (connection, { turn, pos }, position, changes, members) => {
      const known = cache.peek(keyOf(connection.owner, connection.id))
      // The client has begun another request meanwhile, and does not look at this answer; if it did, it would lose nothing.
      if (connection.turn !== turn || (known && known !== connection)) return pos ?? { position: 0, state: emptyState }
      connection.nextMembers = { position, events: members }
      if (changes.rooms.size === 0 && changes.extensions === connection.extensions)
        return { position, state: connection.state }
      const state = randomId().slice(0, 10)
      give(connection, { state, changes })
      save(connection)
      return { position, state }
    },
    deleteOf: deleteConnectionsOf,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([...saving.values()].map(({ done }) => done))
    },
  }
}

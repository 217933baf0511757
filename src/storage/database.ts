import { kyselyOver, type DialectName, type Execute } from './dialect.ts'
import { groupCommit, type Backend, type Committed, type Connections } from './group-commit.ts'
import { claim } from './claim.ts'
import { Memory } from './memory.ts'
import { migrate } from './migrations/index.ts'
import { mustRest, rest } from './pace.ts'
import { openSqlite } from './sqlite.ts'
import type { Reader, Tx } from './tx.ts'

export interface Database extends AsyncDisposable {
  readonly dialect: DialectName
  readonly read: Reader
  /** Connections that read, and who waits for one. */
  readonly connections: Connections
  /** Changes that wait for the next commit. */
  readonly changesWaiting: number
  /** What may be kept of what is read. */
  readonly memory: Memory
  /** As `read`, for queries that look through whole tables: on SQLite they run in a thread of their own, so that nobody waits for them. */
  readonly aside: Reader
  /**
   * Runs `work` in the next group commit and resolves once that is durable. If `work` throws, its own changes alone are undone.
   * `work` must do nothing but statements of its own `tx`: everyone else's writes wait for it.
   */
  write<T>(work: (tx: Tx) => Promise<T>): Promise<T>
}

export interface OpenOptions {
  /** `sqlite:PATH`, `sqlite::memory:`, or a `postgres://` URL. */
  url: string
  serverName: string
  /** Bytes that all caches may take together. */
  memory?: number | undefined
  onError?: (error: Error) => void
  /** Told of each commit. */
  onCommit?: ((committed: Committed) => void) | undefined
}

/** Bytes, where nobody says. */
const usualMemory = 256 * 1024 * 1024

/**
 * Opens the database, takes it for this process alone, and brings its schema up to date.
 * @throws {DatabaseRefused} when it is foreign, newer, another server's, or in use by another process.
 */
export async function openDatabase({ url, serverName, memory, onError, onCommit }: OpenOptions): Promise<Database> {
  const release = url.startsWith('sqlite:') ? claim(url.slice('sqlite:'.length)) : undefined
  let backend: Backend | undefined
  try {
    backend = url.startsWith('sqlite:')
      ? openSqlite(url.slice('sqlite:'.length))
      : await (await import('./postgres.ts')).openPostgres(url, { ...(onError && { onError }) })
    return await ready(backend, serverName, new Memory(memory ?? usualMemory), release, onCommit)
  } catch (error) {
    await backend?.close()
    release?.()
    throw error
  }
}

/** SQLite answers within the turn: whoever asks it again and again is made to rest in between. */
const paced = ({ dialect, read }: Backend): Execute =>
  dialect === 'postgres'
    ? read
    : (sql, parameters) => {
        const rows = read(sql, parameters)
        return mustRest() ? rest().then(() => rows) : rows
      }

async function ready(
  backend: Backend,
  serverName: string,
  memory: Memory,
  release: (() => void) | undefined,
  onCommit: OpenOptions['onCommit'],
): Promise<Database> {
  const tx = kyselyOver(backend.dialect, backend.write, backend.later)
  await migrate(backend, tx, serverName)
  const read = kyselyOver(backend.dialect, paced(backend))
  const commits = groupCommit(backend, onCommit)
  return {
    dialect: backend.dialect,
    read,
    memory,
    connections: backend.connections,
    get changesWaiting() {
      return commits.waiting
    },
    aside: kyselyOver(backend.dialect, backend.aside),
    write: (work) => commits.write(() => work(tx)),
    async [Symbol.asyncDispose]() {
      await commits.idle()
      await backend.close()
      release?.()
    },
  }
}

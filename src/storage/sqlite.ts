import { closeSync, fdatasync, fsyncSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { promisify } from 'node:util'
import { openAside } from './aside.ts'
import type { Execute, Row } from './dialect.ts'
import type { Backend } from './group-commit.ts'

interface Prepared {
  statement: StatementSync
  reads: boolean
}

const cachedStatements = 1000

function executeOn(db: DatabaseSync): Execute {
  const cache = new Map<string, Prepared>()
  const prepare = (sql: string): Prepared => {
    let prepared = cache.get(sql)
    if (!prepared) {
      const statement = db.prepare(sql)
      prepared = { statement, reads: statement.columns().length > 0 }
      // A change tells the id of the last row that was inserted, wanted or not; those inside a full-text index are too large for a number.
      if (!prepared.reads) statement.setReadBigInts(true)
      if (cache.size >= cachedStatements) cache.delete(cache.keys().next().value ?? '')
      cache.set(sql, prepared)
    }
    return prepared
  }
  return (sql, parameters) => {
    const { statement, reads } = prepare(sql)
    const values = parameters as SQLInputValue[]
    if (reads) {
      const rows = statement.all(...values) as Row[]
      return { rows, affected: rows.length }
    }
    return { rows: [], affected: Number(statement.run(...values).changes) }
  }
}

/** Of the write-ahead log: what a commit has appended there is what has to survive. */
const flush = promisify(fdatasync)

/** New files are found again after a power cut only when their folder has been written too. Windows does so by itself, and refuses this. */
function flushFolder(folder: string): void {
  if (process.platform === 'win32') return
  const handle = openSync(folder, 'r')
  fsyncSync(handle)
  closeSync(handle)
}

/**
 * SQLite in write-ahead mode: one connection that writes, one that reads what is committed while a transaction is open. Between
 * transactions the writing one reads too: its pages are in memory, whereas every commit throws away those of the other.
 * `:memory:` is a private file in the system's temporary folder, never synced, gone on close: a shared in-memory database
 * would let its readers see what is not committed.
 */
export function openSqlite(path: string): Backend {
  const temporary = path === ':memory:' ? mkdtempSync(join(tmpdir(), 'latchkey-')) : undefined
  const file = temporary ? join(temporary, 'latchkey.db') : path
  const writer = new DatabaseSync(file, { enableForeignKeyConstraints: false, timeout: 5000 })
  writer.exec('PRAGMA journal_mode = WAL')
  // Commits are made durable by `sync` below, off this thread, and not by SQLite, which would stand still for it.
  writer.exec(`PRAGMA synchronous = ${temporary ? 'OFF' : 'NORMAL'}`)
  writer.exec('PRAGMA cache_size = -32000; PRAGMA mmap_size = 268435456; PRAGMA temp_store = MEMORY')
  writer.exec('PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 67108864')
  const write = executeOn(writer)
  const reader = new DatabaseSync(file, { readOnly: true, timeout: 5000 })
  reader.exec(
    'PRAGMA query_only = ON; PRAGMA cache_size = -32000; PRAGMA mmap_size = 268435456; PRAGMA temp_store = MEMORY',
  )
  const readBeside = executeOn(reader)
  const walFile = temporary ? undefined : openSync(`${file}-wal`, 'r+')
  if (!temporary) flushFolder(dirname(file))
  const aside = openAside(file)
  const act = (text: string): (() => void) => {
    const statement = writer.prepare(text)
    // It tells the id of the last row that was inserted, too: see `prepare`.
    statement.setReadBigInts(true)
    return () => void statement.run()
  }
  const [keep, back] = [act('RELEASE change'), act('ROLLBACK TO change')]
  const rollback = act('ROLLBACK')
  return {
    dialect: 'sqlite',
    transactions: {
      begin: act('BEGIN IMMEDIATE'),
      change: act('SAVEPOINT change'),
      keep,
      undo: () => {
        back()
        keep()
      },
      commit: act('COMMIT'),
      rollback: () => {
        if (writer.isTransaction) rollback()
      },
    },
    read: (sql, parameters) => (writer.isTransaction ? readBeside : write)(sql, parameters),
    write,
    later: (text, parameters) => void write(text, parameters),
    aside: aside.execute,
    connections: aside.connections,
    control: (sql) => writer.exec(sql),
    ...(walFile !== undefined && { sync: () => flush(walFile) }),
    close: async () => {
      await aside.close()
      if (walFile !== undefined) closeSync(walFile)
      reader.close()
      writer.close()
      if (temporary) rmSync(temporary, { recursive: true, force: true })
    },
  }
}

import { DatabaseRefused, openSequence, type Database, type Tx } from '../storage/index.ts'
import type { Entry, NewEntry } from './entry.ts'
import { Tail } from './tail.ts'
import { Watchers, type Watch } from './watch.ts'

/** An entry before it is announced: what is for that moment alone stays out of the tail. */
interface Due {
  readonly entry: Entry
  readonly wake: Iterable<number>
  readonly wakeAlso: number | undefined
  readonly onAnnounce: (() => void) | undefined
}

const dueAt = (position: number, { kind, room, user, data, bytes, wake, wakeAlso, onAnnounce }: NewEntry): Due => ({
  entry: { kind, room, user, data, bytes, position },
  wake,
  wakeAlso,
  onAnnounce,
})

export interface LogTx {
  readonly sql: Tx
  /** Gives the entry the next position, to be stored with it. It is announced after the commit. */
  append(entry: NewEntry): number
}

/** The one ordered log of everything a client can be told. Each table with a `position` column holds a part of it. */
export interface Log {
  /** The newest position at or below which everything is committed and announced. Reads are bounded by it. */
  readonly now: number
  readonly tail: Tail
  /** Requests that have an eye on it: syncs that wait, and those that are being answered. */
  readonly watching: number
  /** Up to here events have the places that they had in the Synapse which they were taken over from; 0: none was. */
  readonly imported: number
  /** As `Database.write`; what it appends becomes visible at once after the commit, and before this resolves. */
  write<T>(work: (tx: LogTx) => Promise<T>): Promise<T>
  /** An entry that lives in memory alone (typing, presence). */
  publish(entry: NewEntry): number
  /** Opens an eye on what wakes the user; do so before reading, and dispose of it (`using`). */
  watch(user: number): Watch
  /** Calls `listener` with every entry, in order, right after its commit, and whom it wakes. */
  listen(listener: (entry: Entry, wake: Iterable<number>) => void): void
  /** Ends every wait. */
  close(): void
}

/** @throws {DatabaseRefused} where an import was ended half-way */
async function readImported(database: Database): Promise<number> {
  const row = await database.read.selectFrom('meta').where('key', '=', 'import').select('value').executeTakeFirst()
  if (!row) return 0
  const { state, position } = JSON.parse(row.value) as { state: string; position: number } // as import/ has written it
  if (state !== 'done')
    throw new DatabaseRefused(
      'An import into this database has not come to its end: run "latchkey import synapse" again.',
    )
  return position
}

/**
 * Positions are dispatched when a write runs and retired when it has committed or failed; `now` follows the lowest that is
 * not retired, so that no reader ever sees a position before everything below it.
 */
export async function openLog(database: Database, onListenerError: (error: unknown) => void): Promise<Log> {
  const sequence = await openSequence(database, 'positions')
  const imported = await readImported(database)
  let now = sequence.last
  const tail = new Tail(now, database.memory)
  const watchers = new Watchers()
  const listeners: Array<(entry: Entry, wake: Iterable<number>) => void> = []
  /** First position of each write that is under way, in order of dispatch. */
  const pending = new Set<{ first: number }>()
  let ready: Due[] = []

  const announce = ({ entry, wake, onAnnounce }: Due): void => {
    tail.push(entry)
    now = entry.position
    onAnnounce?.()
    for (const listener of listeners) {
      try {
        listener(entry, wake)
      } catch (error) {
        onListenerError(error)
      }
    }
  }

  const retire = (write: { first: number } | undefined, entries: Due[]): void => {
    if (write) pending.delete(write)
    const visible = (pending.values().next().value?.first ?? sequence.last + 1) - 1
    if (ready.length > 0) entries = [...ready, ...entries].sort((a, b) => a.entry.position - b.entry.position)
    const waits = entries.findIndex(({ entry }) => entry.position > visible)
    const due = waits === -1 ? entries : entries.slice(0, waits)
    ready = waits === -1 ? [] : entries.slice(waits)
    for (const one of due) announce(one)
    now = Math.max(now, visible)
    for (const { wake, wakeAlso } of due) {
      watchers.wake(wake)
      if (wakeAlso !== undefined) watchers.wake([wakeAlso])
    }
  }

  return {
    get now() {
      return now
    },
    tail,
    get watching() {
      return watchers.count
    },
    imported,
    write: async (work) => {
      let write: { first: number } | undefined
      const entries: Due[] = []
      try {
        const result = await database.write((sql) =>
          work({
            sql,
            append(entry) {
              const position = sequence.next()
              if (!write) {
                write = { first: position }
                pending.add(write)
              }
              entries.push(dueAt(position, entry))
              return position
            },
          }),
        )
        retire(write, entries)
        return result
      } catch (error) {
        retire(write, [])
        throw error
      }
    },
    publish(entry) {
      const position = sequence.next()
      retire(undefined, [dueAt(position, entry)])
      return position
    },
    watch: (user) => watchers.watch(user),
    listen: (listener) => void listeners.push(listener),
    close: () => watchers.close(),
  }
}

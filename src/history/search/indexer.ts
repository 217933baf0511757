import { compareEdits, relationHolds, relationOf } from '../../matrix/relations.ts'
import type { Database } from '../../storage/index.ts'
import type { Log } from '../../streams/index.ts'
import { type Rooms, standings, type StoredEvent } from '../../events/index.ts'
import { readEdits } from '../store/related.ts'
import {
  deleteText,
  editRowOf,
  putEdit,
  putText,
  readCursor,
  readEditTarget,
  readEventsAfter,
  rowOf,
  writeCursor,
  type IndexedText,
} from './store.ts'
import { isEdit, searchedIn, searchedInEdit, type Searched } from './text.ts'
import { searchWords } from './words.ts'

export interface IndexerDeps {
  readonly rooms: Rooms
  readonly database: Database
  readonly log: Log
  readonly onError: (error: unknown) => void
}

export interface Indexer extends AsyncDisposable {
  /** Resolves when everything that has been announced until now can be found. */
  settled(): Promise<void>
}

/** What to do to the index for one event. */
type Change = { put: IndexedText } | { remove: number } | { edit: number; target: number }

/** So long do events wait for others: what comes together costs less together. */
const gatherMs = 1000
const together = 250
/** Beyond, events are read again from the database rather than kept in memory. */
const mostWaiting = 5000
/** Of each event, so many edits are looked at for the one that counts. */
const editsLookedAt = 10

/**
 * Fills the full-text index, behind the sends: it reads the log, writes many texts at once, and remembers how far it is, so that after
 * a crash it goes on where it was.
 */
export async function startIndexer({ rooms, database, log, onError }: IndexerDeps): Promise<Indexer> {
  let cursor = await readCursor(database.read)
  let waiting: StoredEvent[] = []
  /** Not all that was announced is waiting: the database has to be asked. */
  let behind = true
  let working: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  const closed = new AbortController()

  const text = (stored: StoredEvent, searched: Searched, rowid: number): Change => ({
    put: { rowid, room: stored.room, sender: stored.sender, key: searched.key, words: searchWords(searched.text) },
  })

  /** The text of the newest edit that holds, or none any more. */
  const editOf = async (target: StoredEvent): Promise<Change> => {
    const rows =
      target.redactedBy === null ? await readEdits(database.read, [target.event.id], log.now, editsLookedAt) : []
    const edits = (await rooms.events.many(rows.map((row) => row.event_nid))).filter(
      (edit) =>
        edit.redactedBy === null && edit.standing === standings.accepted && relationHolds(target.event, edit.event),
    )
    const newest = edits.toSorted((a, b) => compareEdits(a.event, b.event)).at(-1)
    const searched = newest && searchedInEdit(newest.event)
    return searched ? text(target, searched, editRowOf(target.nid)) : { remove: editRowOf(target.nid) }
  }

  const redactionOf = async (eventId: string, room: number): Promise<Change[]> => {
    const gone = await rooms.events.byId(eventId)
    if (gone?.room !== room || gone.redactedBy === null) return []
    const edited = await readEditTarget(database.read, gone.nid)
    const target = edited === undefined ? undefined : await rooms.events.get(edited)
    return [{ remove: rowOf(gone.nid) }, { remove: editRowOf(gone.nid) }, ...(target ? [await editOf(target)] : [])]
  }

  /** What a plain text changes, which is nearly everything; undefined where something has to be looked up. */
  const plainChange = (stored: StoredEvent): Change[] | undefined => {
    const { nid, standing, redactedBy, event } = stored
    if (standing !== standings.accepted) return []
    if (event.redacts !== undefined) return undefined
    const searched = redactedBy === null ? searchedIn(event) : undefined
    if (searched) return [text(stored, searched, rowOf(nid))]
    return redactedBy === null && event.type === 'm.room.message' && isEdit(event) ? undefined : []
  }

  const lookedUpChanges = async ({ nid, room, event }: StoredEvent): Promise<Change[]> => {
    if (event.redacts !== undefined) return redactionOf(event.redacts, room)
    const target = await rooms.events.byId(relationOf(event)?.eventId ?? '')
    if (!target || !relationHolds(target.event, event)) return []
    return [{ edit: nid, target: target.nid }, await editOf(target)]
  }

  const take = async (events: readonly StoredEvent[], upTo: number): Promise<void> => {
    const changes: Change[] = []
    for (const stored of events) changes.push(...(plainChange(stored) ?? (await lookedUpChanges(stored))))
    await database.write(async (tx) => {
      for (const change of changes) {
        if ('put' in change) await putText(tx, database.dialect, change.put)
        else if ('remove' in change) await deleteText(tx, change.remove)
        else await putEdit(tx, change.edit, change.target)
      }
      await writeCursor(tx, upTo)
    })
    cursor = upTo
  }

  const catchUp = async (): Promise<void> => {
    while (behind && !closed.signal.aborted) {
      // From here on, what is announced waits in memory again.
      behind = false
      for (;;) {
        const { nids, last } = await readEventsAfter(database.read, cursor, together)
        if (last === undefined || closed.signal.aborted) break
        await take(
          (await rooms.events.many(nids)).filter(({ position }) => position !== 0),
          last,
        )
      }
    }
  }

  const takeAll = async (): Promise<void> => {
    await catchUp()
    while (waiting.length > 0 && !closed.signal.aborted) {
      const events = waiting.slice(0, together)
      waiting = waiting.slice(together)
      await take(events, Math.max(cursor, ...events.map(({ nid }) => nid)))
      if (behind) await catchUp()
    }
  }

  const work = (): Promise<void> => {
    clearTimeout(timer)
    timer = undefined
    working ??= takeAll()
      .catch((error: unknown) => {
        behind = true
        onError(error)
      })
      .finally(() => {
        working = undefined
        if (waiting.length > 0 || behind) later()
      })
    return working
  }
  const later = (): void => {
    if (!closed.signal.aborted && !working) timer ??= setTimeout(() => void work(), gatherMs).unref()
  }

  log.listen(({ kind, data }) => {
    if (kind !== 'event') return
    const stored = data as StoredEvent // entries of this kind carry it
    const { type, redacts } = stored.event
    if (type !== 'm.room.message' && redacts === undefined && type !== 'm.room.name' && type !== 'm.room.topic') return
    if (behind) return
    waiting.push(stored)
    if (waiting.length > mostWaiting) {
      behind = true
      waiting = []
    }
    later()
  })
  later()

  return {
    settled: async () => {
      if (working) await working
      if (waiting.length > 0 || behind) await work()
    },
    [Symbol.asyncDispose]: async () => {
      // What is waiting is read from the database at the next start.
      closed.abort()
      clearTimeout(timer)
      await working
    },
  }
}

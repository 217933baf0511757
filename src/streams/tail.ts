import type { Entry } from './log.ts'

const none: readonly Entry[] = []

/** The newest entries of the log, in memory, by room and by user. */
export class Tail {
  /** Everything after this position is here; what is older must be read from the tables. */
  start: number
  readonly #limit: number
  #entries: Entry[] = []
  #dropped = 0
  readonly #rooms = new Map<number, Entry[]>()
  readonly #users = new Map<number, Entry[]>()

  constructor(start: number, limit: number) {
    this.start = start
    this.#limit = limit
  }

  push(entry: Entry): void {
    this.#entries.push(entry)
    if (entry.room !== undefined) append(this.#rooms, entry.room, entry)
    if (entry.user !== undefined) append(this.#users, entry.user, entry)
    if (this.#entries.length - this.#dropped > this.#limit) this.#drop()
  }

  /** True when every entry after `since` is here. */
  covers(since: number): boolean {
    return since >= this.start
  }

  /** The room's entries in `(since, until]`, oldest first. */
  room(room: number, since: number, until: number): readonly Entry[] {
    return between(this.#rooms.get(room), since, until)
  }

  /** The user's entries in `(since, until]`, oldest first. */
  user(user: number, since: number, until: number): readonly Entry[] {
    return between(this.#users.get(user), since, until)
  }

  /** All entries in `(since, until]`, oldest first. */
  all(since: number, until: number): readonly Entry[] {
    return between(this.#entries, since, until, this.#dropped)
  }

  /** Position of the room's newest entry here; 0 when there is none. */
  lastOfRoom(room: number): number {
    return this.#rooms.get(room)?.at(-1)?.position ?? 0
  }

  /** Position of the user's own newest entry here; 0 when there is none. */
  lastOfUser(user: number): number {
    return this.#users.get(user)?.at(-1)?.position ?? 0
  }

  #drop(): void {
    const oldest = this.#entries[this.#dropped]
    if (!oldest) return
    this.#dropped += 1
    this.start = oldest.position
    shift(this.#rooms, oldest.room)
    shift(this.#users, oldest.user)
    if (this.#dropped > this.#limit) {
      this.#entries = this.#entries.slice(this.#dropped)
      this.#dropped = 0
    }
  }
}

function append(index: Map<number, Entry[]>, key: number, entry: Entry): void {
  const list = index.get(key)
  if (list) list.push(entry)
  else index.set(key, [entry])
}

function shift(index: Map<number, Entry[]>, key: number | undefined): void {
  if (key === undefined) return
  const list = index.get(key)
  if (!list) return
  if (list.length === 1) index.delete(key)
  else list.shift()
}

/** The part of a list in order of position that lies in `(since, until]`, found by bisection. */
function between(list: readonly Entry[] | undefined, since: number, until: number, from = 0): readonly Entry[] {
  const last = list?.at(-1)
  if (!list || !last || last.position <= since) return none
  const start = firstAfter(list, since, from)
  const end = last.position <= until ? list.length : firstAfter(list, until, start)
  return list.slice(start, end)
}

function firstAfter(list: readonly Entry[], position: number, from: number): number {
  let low = from
  let high = list.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((list[middle]?.position ?? 0) > position) high = middle
    else low = middle + 1
  }
  return low
}

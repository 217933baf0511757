import type { Holder, Memory } from '../storage/index.ts'
import type { Entry } from './entry.ts'

const none: readonly Entry[] = []

/** In memory, of an entry beside what it carries. */
const entryBytes = 250
/** Of the budget of the process. */
const share = 1 / 8
/** A sync that is further behind than this reads from the tables. */
const mostEntries = 50_000

/** The newest entries of the log, in memory, by room and by user: so many, and as far as they find room. */
export class Tail implements Holder {
  readonly name = 'tail of the log'
  readonly most: number
  /** It gives nothing back while others want more: syncs live by it. */
  readonly stalest = Infinity
  /** Everything after this position is here; what is older must be read from the tables. */
  start: number
  readonly #limit: number
  readonly #memory: Memory
  #entries: Entry[] = []
  #dropped = 0
  #bytes = 0
  readonly #rooms = new Map<number, Entry[]>()
  readonly #users = new Map<number, Entry[]>()

  constructor(start: number, memory: Memory, limit: number = mostEntries) {
    this.start = start
    this.#limit = limit
    this.#memory = memory
    this.most = memory.limit * share
    memory.add(this)
  }

  push(entry: Entry): void {
    this.#entries.push(entry)
    if (entry.room !== undefined) append(this.#rooms, entry.room, entry)
    if (entry.user !== undefined) append(this.#users, entry.user, entry)
    this.#take(weightOf(entry))
    while (this.entries > this.#limit || (this.#bytes > this.most && this.entries > 0)) this.shed()
  }

  get bytes(): number {
    return this.#bytes
  }

  get entries(): number {
    return this.#entries.length - this.#dropped
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

  #take(bytes: number): void {
    this.#bytes += bytes
    this.#memory.take(bytes)
  }

  /** Lets go of the oldest. */
  shed(): void {
    const oldest = this.#entries[this.#dropped]
    if (!oldest) return
    this.#dropped += 1
    this.#take(-weightOf(oldest))
    this.start = oldest.position
    shift(this.#rooms, oldest.room)
    shift(this.#users, oldest.user)
    if (this.#dropped > this.#limit) {
      this.#entries = this.#entries.slice(this.#dropped)
      this.#dropped = 0
    }
  }
}

const weightOf = ({ bytes = 0 }: Entry): number => entryBytes + bytes

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

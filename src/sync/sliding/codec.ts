import { knownLive, newConnection, type Connection, type Known } from './connection.ts'
import { noState, requiredStateFrom, type RequiredState } from './required-state.ts'

/** Rooms that are known in the same way: number of the required state, timeline, position, and the rooms, each as what it is more than the one before. */
type Group = number[]

interface StoredChanges {
  readonly state: string
  readonly extensions: number
  readonly rooms: readonly Group[]
  readonly gone: readonly number[]
}

interface Stored extends StoredChanges {
  readonly required: readonly string[]
  readonly given?: readonly StoredChanges[]
}

/** Infinity is no JSON. */
const put = (value: number): number => (value === Infinity ? -1 : value)
const take = (value: number | undefined): number => (value === undefined || value === -1 ? Infinity : value)

function groupsOf(
  rooms: Iterable<readonly [number, Known | undefined]>,
  numberOf: (required: RequiredState) => number,
): { rooms: Group[]; gone: number[] } {
  const alike = new Map<string, { head: Group; rooms: number[] }>()
  const gone: number[] = []
  for (const [room, known] of rooms) {
    if (!known) {
      gone.push(room)
      continue
    }
    const head = [numberOf(known.required), put(known.timeline), put(known.upTo)]
    const group = alike.get(head.join())
    if (group) group.rooms.push(room)
    else alike.set(head.join(), { head, rooms: [room] })
  }
  const groups = [...alike.values()].map(({ head, rooms: list }) => {
    const sorted = list.toSorted((a, b) => a - b)
    return [...head, ...sorted.map((room, index) => room - (sorted[index - 1] ?? 0))]
  })
  return { rooms: groups, gone }
}

/** What is known to the client, and what the answers on their way to it change, as short as JSON gets it. */
export function encode({ state, rooms, extensions, given }: Connection): string {
  const required = new Map<string, number>()
  const numberOf = ({ text }: RequiredState): number => {
    const number = required.get(text) ?? required.size
    required.set(text, number)
    return number
  }
  const base = { state, extensions, ...groupsOf(rooms, numberOf) }
  const after = given.map((answer) => ({
    state: answer.state,
    extensions: answer.changes.extensions,
    ...groupsOf(answer.changes.rooms, numberOf),
  }))
  const stored: Stored = { ...base, required: [...required.keys()], ...(after.length > 0 && { given: after }) }
  return JSON.stringify(stored)
}

function knownIn({ rooms, gone }: StoredChanges, required: readonly RequiredState[]): Map<number, Known | undefined> {
  const found = new Map<number, Known | undefined>(gone.map((room) => [room, undefined]))
  for (const [number, timeline, upTo, ...differences] of rooms) {
    const wanted = required[number ?? 0] ?? noState
    const known =
      upTo === undefined || upTo === -1
        ? knownLive(wanted, take(timeline))
        : { upTo, required: wanted, timeline: take(timeline) }
    let room = 0
    for (const difference of differences) {
      room += difference
      found.set(room, known)
    }
  }
  return found
}

/** The connection that was written down. */
export function decode(owner: number, id: string, text: string, savedTs: number): Connection {
  const stored = JSON.parse(text) as Stored // only `encode` writes there
  const required = stored.required.map(requiredStateFrom)
  const connection: Connection = {
    ...newConnection(owner, id),
    state: stored.state,
    extensions: stored.extensions,
    size: text.length,
    savedTs,
  }
  for (const [room, known] of knownIn(stored, required)) if (known) connection.rooms.set(room, known)
  connection.given = (stored.given ?? []).map((answer) => ({
    state: answer.state,
    changes: { rooms: knownIn(answer, required), extensions: answer.extensions },
  }))
  return connection
}

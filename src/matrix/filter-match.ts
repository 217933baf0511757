import { compileGlob, type TextMatch } from './glob.ts'
import type { JsonObject } from './json.ts'

/** What a filter asks about an event. Presence has its user as sender; account data has none. */
export interface FilteredEvent {
  readonly type: string
  readonly sender?: string | undefined
  readonly content: JsonObject
}

/** Which rooms a filter speaks of. */
export interface RoomChoice {
  /** Every room is included, so there is nothing to ask. */
  readonly all: boolean
  readonly includes: (roomId: string) => boolean
}

/** Which events are wanted, and how many. */
export interface EventFilter {
  /** Most events to return, 1 to 100. */
  readonly limit: number
  /** Every event matches, so there is nothing to ask. */
  readonly all: boolean
  /** No event can match, so there is nothing to fetch. */
  readonly none: boolean
  readonly matches: (event: FilteredEvent) => boolean
}

/** The conditions of a filter; undefined: not asked. */
export interface EventConditions {
  limit: number
  types: readonly string[] | undefined
  notTypes: readonly string[] | undefined
  senders: readonly string[] | undefined
  notSenders: readonly string[] | undefined
  containsUrl: boolean | undefined
}

/** Compiles conditions, cheapest first. An empty list of what is wanted wants nothing; an empty list of what is not forbids nothing. */
export function compileEventFilter(conditions: EventConditions): EventFilter {
  const { limit, senders, notSenders, containsUrl } = conditions
  const types = conditions.types?.includes('*') ? undefined : conditions.types
  const notTypes = conditions.notTypes?.length ? conditions.notTypes : undefined
  const tests: ((event: FilteredEvent) => boolean)[] = []
  if (types) {
    const wanted = anyType(types)
    tests.push((event) => wanted(event.type))
  }
  if (notTypes) {
    const unwanted = anyType(notTypes)
    tests.push((event) => !unwanted(event.type))
  }
  if (senders) {
    const wanted = new Set(senders)
    tests.push((event) => event.sender !== undefined && wanted.has(event.sender))
  }
  if (notSenders?.length) {
    const unwanted = new Set(notSenders)
    tests.push((event) => event.sender === undefined || !unwanted.has(event.sender))
  }
  if (containsUrl !== undefined) tests.push((event) => Object.hasOwn(event.content, 'url') === containsUrl)
  const none = types?.length === 0 || senders?.length === 0 || notTypes?.includes('*') === true
  return { limit, all: tests.length === 0, none, matches: none ? () => false : every(tests) }
}

/** Compiles a choice of rooms; a room in both lists is not included. */
export function compileRooms(
  rooms: readonly string[] | undefined,
  notRooms: readonly string[] | undefined,
): RoomChoice {
  const wanted = rooms && new Set(rooms)
  const unwanted = new Set(notRooms)
  return {
    all: !wanted && unwanted.size === 0,
    includes: (roomId) => (!wanted || wanted.has(roomId)) && !unwanted.has(roomId),
  }
}

function every(tests: ((event: FilteredEvent) => boolean)[]): (event: FilteredEvent) => boolean {
  const [only, ...others] = tests
  if (!only) return () => true
  return others.length === 0 ? only : (event) => tests.every((test) => test(event))
}

/** In a filter `?` stands for itself; only the star is special. */
function anyType(patterns: readonly string[]): TextMatch {
  const exact = new Set(patterns.filter((pattern) => !pattern.includes('*')))
  const globs = patterns
    .filter((pattern) => pattern.includes('*'))
    .map((pattern) => compileGlob(pattern, { only: '*' }))
  if (globs.length === 0) return (type) => exact.has(type)
  return (type) => exact.has(type) || globs.some((glob) => glob(type))
}

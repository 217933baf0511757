import type { RoomEvent } from '../event.ts'
import type { Json } from '../json.ts'
import { valueAt } from '../property-path.ts'

/** The part of an event that push rules can ask about. A {@link RoomEvent} is one. */
export type PushEvent = Pick<RoomEvent, 'type' | 'sender' | 'roomId' | 'stateKey' | 'content'> &
  Partial<Pick<RoomEvent, 'id' | 'ts'>>

/** A property that a condition asks for: the path as written and its names. */
export interface PropertyPath {
  readonly key: string
  readonly names: readonly string[]
}

/** An event as conditions see it; one serves all users whose rules are asked about the event. */
export interface EventView {
  readonly event: PushEvent
  /** The type with letter case folded. */
  readonly type: string
  /** Texts whose letter case has been folded so far, by path. */
  readonly folded: Map<string, string>
  /** The words of the message's text, made when they are first asked for. */
  words: ReadonlySet<string> | undefined
}

/** Prepares an event for evaluation. Make it once per event, not once per user, and leave the event as it is meanwhile. */
export const flatten = (event: PushEvent): EventView => ({
  event,
  type: event.type.toLowerCase(),
  folded: new Map(),
  words: undefined,
})

/** The event's value at a path such as `content.body`. */
export function property({ event }: EventView, { names }: PropertyPath): Json | undefined {
  // Names as on the wire; content first, since nearly all conditions ask for it.
  if (names[0] === 'content') return valueAt(event.content, names, 1)
  if (names.length > 1) return undefined
  switch (names[0]) {
    case 'type':
      return event.type
    case 'sender':
      return event.sender
    case 'room_id':
      return event.roomId
    case 'state_key':
      return event.stateKey
    case 'event_id':
      return event.id
    case 'origin_server_ts':
      return event.ts
    default:
      return undefined
  }
}

/** The event's text at a path with letter case folded; undefined when there is no text. */
export function foldedText(view: EventView, path: PropertyPath): string | undefined {
  const known = view.folded.get(path.key)
  if (known !== undefined) return known
  const value = property(view, path)
  if (typeof value !== 'string') return undefined
  const folded = value.toLowerCase()
  view.folded.set(path.key, folded)
  return folded
}

const body: PropertyPath = { key: 'content.body', names: ['content', 'body'] }

/** The message's text, with letter case folded. */
export const bodyOf = (view: EventView): string | undefined => foldedText(view, body)

/** The runs of word characters in the message's text, with letter case folded. */
export const wordsOf = (view: EventView): ReadonlySet<string> =>
  (view.words ??= new Set(bodyOf(view)?.match(/[A-Za-z0-9_]+/g)))

import { MatrixError } from './errors.ts'
import type { RoomEvent } from './event.ts'
import { isEventId } from './ids.ts'
import { isObject, own } from './json.ts'

/** How an event says that it belongs to another. */
export interface Relation {
  readonly relType: string
  /** The other event; whether it exists, and where, is not known here. */
  readonly eventId: string
  /** What an annotation says, such as an emoji. */
  readonly key?: string
  /** The reply inside a thread is there only for clients without threads. */
  readonly isFallingBack?: boolean
}

/** The part of an event that relations are judged by. */
export type Related = Pick<RoomEvent, 'type' | 'sender' | 'roomId' | 'stateKey' | 'content'>

/** Longer relation types are no relation: they are looked up by index. */
const longestType = 255

/**
 * The relation that an event declares, or undefined when it declares none or not in the right form. A mere reply is none.
 * @see https://spec.matrix.org/v1.19/client-server-api/#forming-relationships-between-events
 */
export function relationOf(event: Pick<RoomEvent, 'content'>): Relation | undefined {
  const relates = own(event.content, 'm.relates_to')
  const relType = own(relates, 'rel_type')
  const eventId = own(relates, 'event_id')
  if (typeof relType !== 'string' || relType === '' || relType.length > longestType || !isEventId(eventId))
    return undefined
  if (relType.includes('\0')) return undefined
  const key = own(relates, 'key')
  return {
    relType,
    eventId,
    ...(typeof key === 'string' && !key.includes('\0') ? { key } : {}),
    ...(own(relates, 'is_falling_back') === true ? { isFallingBack: true } : {}),
  }
}

/**
 * The event that this one answers, thread fallbacks included.
 * @see https://spec.matrix.org/v1.19/client-server-api/#rich-replies
 */
export function replyTarget(event: Pick<RoomEvent, 'content'>): string | undefined {
  const eventId = own(own(own(event.content, 'm.relates_to'), 'm.in_reply_to'), 'event_id')
  return isEventId(eventId) ? eventId : undefined
}

/**
 * Whether a relation that `child` declares to `parent` keeps the rules of its type. One that does not is as if it were not there:
 * it is not aggregated, and the child stands by itself. Types that the specification does not know need only be in the same room.
 */
export function relationHolds(parent: Related, child: Related): boolean {
  const relation = relationOf(child)
  if (!relation || parent.roomId !== child.roomId) return false
  switch (relation.relType) {
    case 'm.replace':
      return mayReplace(parent, child)
    case 'm.thread':
      return mayStartThread(parent)
    case 'm.annotation':
      return relation.key !== undefined && !['m.annotation', 'm.replace'].includes(relationOf(parent)?.relType ?? '')
    default:
      return true
  }
}

/**
 * Whether an event may be edited by the other: same sender and type, no state, no edit of an edit, and new content, which an
 * encrypted edit has inside.
 * @see https://spec.matrix.org/v1.19/client-server-api/#validity-of-replacement-events
 */
const mayReplace = (original: Related, edit: Related): boolean =>
  original.sender === edit.sender &&
  original.type === edit.type &&
  original.stateKey === undefined &&
  edit.stateKey === undefined &&
  relationOf(original)?.relType !== 'm.replace' &&
  (edit.type === 'm.room.encrypted' || isObject(own(edit.content, 'm.new_content')))

/** Threads do not nest: an event with a relation of its own, other than being a reply, is no root. */
const mayStartThread = (root: Pick<RoomEvent, 'content'>): boolean => relationOf(root) === undefined

/**
 * Refuses an event of a local user that would begin a thread at an event that cannot have one.
 * @param target - the event related to, when it is known and in the same room; relations to others are simply ignored
 * @throws MatrixError M_UNKNOWN (400), the code that the specification gives for it
 * @see https://spec.matrix.org/v1.19/client-server-api/#validation-of-mthread-relationships
 */
export function checkRelation(event: Pick<RoomEvent, 'content'>, target: Pick<RoomEvent, 'content'> | undefined): void {
  if (target && relationOf(event)?.relType === 'm.thread' && !mayStartThread(target)) {
    throw new MatrixError('M_UNKNOWN', 'A thread cannot start at an event that itself relates to another', {
      status: 400,
    })
  }
}

const bundled: ReadonlySet<string> = new Set(['m.replace', 'm.thread', 'm.reference'])

/**
 * Whether relations of this type are summarised in the parent's `unsigned`. Annotations are not, and state events get no summaries.
 * @see https://spec.matrix.org/v1.19/client-server-api/#aggregations-of-child-events
 */
export const isBundled = (relType: string, parent: Pick<RoomEvent, 'stateKey'>): boolean =>
  bundled.has(relType) && parent.stateKey === undefined

/**
 * Orders edits of one event, for sorting: the one that counts is last.
 * @see https://spec.matrix.org/v1.19/client-server-api/#server-side-aggregation-of-mreplace-relationships
 */
export const compareEdits = (a: Pick<RoomEvent, 'id' | 'ts'>, b: Pick<RoomEvent, 'id' | 'ts'>): number =>
  a.ts - b.ts || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)

import { MatrixError } from '../matrix/errors.ts'
import { isObject, own, type JsonObject } from '../matrix/json.ts'
import type { RoomsRouteDeps } from './deps.ts'
import type { Room } from '../events/index.ts'
import { readAnnotation, readRelationOf } from './store.ts'

/**
 * Refuses a second reaction with the same key by the same user (M_DUPLICATE_ANNOTATION), and a thread that would start at an
 * event which itself relates to another.
 * @see https://spec.matrix.org/v1.19/client-server-api/#avoiding-duplicate-annotations
 * @see https://spec.matrix.org/v1.19/client-server-api/#server-behaviour-17
 */
export async function checkRelation(
  deps: Pick<RoomsRouteDeps, 'database' | 'rooms'>,
  room: Room,
  sender: number,
  type: string,
  content: JsonObject,
): Promise<void> {
  const relates = own(content, 'm.relates_to')
  if (!isObject(relates)) return
  const [relType, target, key] = [own(relates, 'rel_type'), own(relates, 'event_id'), own(relates, 'key')]
  if (typeof target !== 'string') return
  if (relType === 'm.annotation' && typeof key === 'string') {
    if (await readAnnotation(deps.database.read, { room: room.nid, target, type, key, sender })) {
      throw new MatrixError('M_DUPLICATE_ANNOTATION', 'You have reacted to this event with the same key before')
    }
  }
  if (relType === 'm.thread') {
    const root = await deps.rooms.events.byId(target)
    if (root?.room === room.nid && (await readRelationOf(deps.database.read, root.nid))) {
      throw new MatrixError('M_UNKNOWN', 'A thread cannot start at an event that relates to another event', {
        status: 400,
      })
    }
  }
}

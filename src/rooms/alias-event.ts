import { MatrixError } from '../matrix/errors.ts'
import { isRoomAlias } from '../matrix/ids.ts'
import { own, type JsonObject } from '../matrix/json.ts'
import type { RoomsRouteDeps } from './deps.ts'
import type { Room } from '../events/index.ts'

/**
 * Refuses a canonical alias event that names what is no alias (M_INVALID_PARAM), or an alias that does not lead to this room
 * (M_BAD_ALIAS). Aliases that the event before named already are not looked at again.
 * @see https://spec.matrix.org/v1.19/client-server-api/#mroomcanonical_alias
 */
export async function checkAliasEvent(
  deps: Pick<RoomsRouteDeps, 'rooms' | 'aliases'>,
  room: Room,
  content: JsonObject,
): Promise<void> {
  const before = await deps.rooms.stateEvent(room, 'm.room.canonical_alias', '')
  const known = new Set(before ? aliasesIn(before.event.content) : [])
  for (const alias of aliasesIn(content)) {
    if (known.has(alias)) continue
    if (!isRoomAlias(alias)) throw new MatrixError('M_INVALID_PARAM', `${JSON.stringify(alias)} is not a room alias`)
    if ((await deps.aliases.resolve(alias)) !== room.nid)
      throw new MatrixError('M_BAD_ALIAS', `The alias ${alias} does not lead to this room`)
  }
}

function aliasesIn(content: JsonObject): unknown[] {
  const alias = own(content, 'alias')
  const others = own(content, 'alt_aliases')
  return [
    ...(alias === undefined || alias === null || alias === '' ? [] : [alias]),
    ...(Array.isArray(others) ? others : []),
  ]
}

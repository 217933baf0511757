import { Type } from 'typebox'
import { MatrixError } from '../../matrix/errors.ts'
import { parseRoomEventFilter, type RoomEventFilter } from '../../matrix/filter.ts'
import { parseStrict, type JsonObject } from '../../matrix/json.ts'

export const DirParam = Type.Union([Type.Literal('b'), Type.Literal('f')])

/** How many of something are wanted; more than the server gives counts as that. */
export const Limit = Type.Optional(Type.Integer({ minimum: 0 }))

/** Events as clients get them; built as text. */
export const EventList = Type.Array(Type.Unsafe<JsonObject>(Type.Object({})))

/**
 * The `filter` parameter.
 * @throws {MatrixError} M_INVALID_PARAM for what is not JSON; M_BAD_JSON, M_TOO_LARGE for a filter that is wrong.
 */
export function readFilter(text: string | undefined): RoomEventFilter {
  if (text === undefined || text === '') return parseRoomEventFilter({})
  try {
    return parseRoomEventFilter(parseStrict(text))
  } catch (error) {
    if (!(error instanceof MatrixError) || error.errcode !== 'M_NOT_JSON') throw error
    throw new MatrixError('M_INVALID_PARAM', 'filter is not JSON', { cause: error })
  }
}

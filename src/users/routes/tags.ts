import { Type } from 'typebox'
import { route, type Route } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { isObject, own, type JsonObject } from '../../matrix/json.ts'
import { mustKnowRoom } from '../room-port.ts'
import type { UsersRouteDeps } from '../deps.ts'
import { anyObject, mustBeSelf, shortText } from '../shapes.ts'

const path = '/_matrix/client/v3/user/:userId/rooms/:roomId/tags'
const Params = Type.Object({ userId: Type.String(), roomId: Type.String() })
const TagParams = Type.Object({ userId: Type.String(), roomId: Type.String(), tag: shortText })
const Tag = Type.Unsafe<JsonObject>(Type.Object({ order: Type.Optional(Type.Number()) }))
const mostTags = 200
const largestTag = 2048
const longestName = 255

const tagsIn = (content: JsonObject | undefined): JsonObject => {
  const tags = own(content, 'tags')
  return isObject(tags) ? tags : {}
}

function withTag(content: JsonObject, name: string, tag: JsonObject): JsonObject {
  const tags = { ...tagsIn(content), [name]: tag }
  if (Object.keys(tags).length > mostTags) throw new MatrixError('M_TOO_LARGE', `A room can have ${mostTags} tags`)
  return { ...content, tags }
}

function withoutTag(content: JsonObject, name: string): JsonObject {
  const { [name]: _, ...tags } = tagsIn(content)
  return { ...content, tags }
}

function checkTag(name: string, tag: JsonObject): void {
  if (Buffer.byteLength(name) > longestName || name === '__proto__')
    throw new MatrixError('M_INVALID_PARAM', `The name of a tag can have ${longestName} bytes`)
  if (JSON.stringify(tag).length > largestTag) throw new MatrixError('M_TOO_LARGE', 'This is too much for a tag')
}

/** A user's own labels on rooms: the room's `m.tag` account data, one tag at a time. */
export const tagRoutes = (deps: UsersRouteDeps): Route[] => {
  const { accountData } = deps.users
  return [
    /** @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3useruseridroomsroomidtags */
    route({
      id: 'getRoomTags',
      method: 'GET',
      path,
      auth: 'user',
      params: Params,
      reply: Type.Object({ tags: anyObject }),
      handle: async ({ session, params }) => {
        mustBeSelf(session, params.userId)
        const room = await mustKnowRoom(deps, session.user, params.roomId)
        return { tags: tagsIn(await accountData.get(session.user, room, 'm.tag')) }
      },
    }),
    /** Wakes the user's syncs. @see https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3useruseridroomsroomidtagstag */
    route({
      id: 'setRoomTag',
      method: 'PUT',
      path: `${path}/:tag`,
      auth: 'user',
      whileSuspended: true,
      params: TagParams,
      body: Tag,
      reply: Type.Object({}),
      handle: async ({ session, params, body }) => {
        mustBeSelf(session, params.userId)
        checkTag(params.tag, body)
        const room = await mustKnowRoom(deps, session.user, params.roomId)
        await accountData.edit(session.user, room, 'm.tag', (content) => withTag(content, params.tag, body))
        return {}
      },
    }),
    /** Wakes the user's syncs. @see https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3useruseridroomsroomidtagstag */
    route({
      id: 'deleteRoomTag',
      method: 'DELETE',
      path: `${path}/:tag`,
      auth: 'user',
      whileSuspended: true,
      params: TagParams,
      reply: Type.Object({}),
      handle: async ({ session, params }) => {
        mustBeSelf(session, params.userId)
        const room = await mustKnowRoom(deps, session.user, params.roomId)
        await accountData.edit(session.user, room, 'm.tag', (content) => withoutTag(content, params.tag))
        return {}
      },
    }),
  ]
}

import { Type } from 'typebox'
import { route, type Route } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import type { UsersRouteDeps } from '../deps.ts'
import { mustKnowRoom } from '../room-port.ts'
import { anyObject, mustBeSelf, shortText } from '../shapes.ts'

const path = '/_matrix/client/v3/user/:userId/account_data/:type'
const roomPath = '/_matrix/client/v3/user/:userId/rooms/:roomId/account_data/:type'
const Params = Type.Object({ userId: Type.String(), type: shortText })
const RoomParams = Type.Object({ userId: Type.String(), roomId: Type.String(), type: shortText })

const notFound = (): MatrixError => new MatrixError('M_NOT_FOUND', 'There is no account data of this type')

/** What a user keeps here for their own clients. */
export const accountDataRoutes = (deps: UsersRouteDeps): Route[] => {
  const { accountData } = deps.users
  return [
    /** Wakes the user's syncs. @see https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3useruseridaccount_datatype */
    route({
      id: 'setAccountData',
      method: 'PUT',
      path,
      auth: 'user',
      whileSuspended: true,
      params: Params,
      body: anyObject,
      reply: Type.Object({}),
      handle: async ({ session, params, body }) => {
        mustBeSelf(session, params.userId)
        await accountData.set(session.user, undefined, params.type, body)
        return {}
      },
    }),
    /** @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3useruseridaccount_datatype */
    route({
      id: 'getAccountData',
      method: 'GET',
      path,
      auth: 'user',
      params: Params,
      reply: anyObject,
      handle: async ({ session, params }) => {
        mustBeSelf(session, params.userId)
        const content = await accountData.get(session.user, undefined, params.type)
        if (!content) throw notFound()
        return content
      },
    }),
    /** Wakes the user's syncs. @see https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3useruseridroomsroomidaccount_datatype */
    route({
      id: 'setAccountDataPerRoom',
      method: 'PUT',
      path: roomPath,
      auth: 'user',
      whileSuspended: true,
      params: RoomParams,
      body: anyObject,
      reply: Type.Object({}),
      handle: async ({ session, params, body }) => {
        mustBeSelf(session, params.userId)
        const room = await mustKnowRoom(deps, session.user, params.roomId)
        await accountData.set(session.user, room, params.type, body)
        return {}
      },
    }),
    /** @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3useruseridroomsroomidaccount_datatype */
    route({
      id: 'getAccountDataPerRoom',
      method: 'GET',
      path: roomPath,
      auth: 'user',
      params: RoomParams,
      reply: anyObject,
      handle: async ({ session, params }) => {
        mustBeSelf(session, params.userId)
        const room = await mustKnowRoom(deps, session.user, params.roomId)
        const content = await accountData.get(session.user, room, params.type)
        if (!content) throw notFound()
        return content
      },
    }),
  ]
}

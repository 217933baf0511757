import { Type } from 'typebox'
import { route, type Route } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { anyObject, mustBeSelf } from '../shapes.ts'
import type { Users } from '../users.ts'

const path = '/_matrix/client/v3/user/:userId/filter'

/** Filters that clients keep here, to name them by a short id. */
export const filterRoutes = ({ users: { filters } }: { users: Users }): Route[] => [
  /** @see https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3useruseridfilter */
  route({
    id: 'defineFilter',
    method: 'POST',
    path,
    auth: 'guest',
    whileSuspended: true,
    params: Type.Object({ userId: Type.String() }),
    body: anyObject,
    reply: Type.Object({ filter_id: Type.String() }),
    handle: async ({ session, params, body }) => {
      mustBeSelf(session, params.userId)
      return { filter_id: await filters.add(session.user, body) }
    },
  }),
  /** @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3useruseridfilterfilterid */
  route({
    id: 'getFilter',
    method: 'GET',
    path: `${path}/:filterId`,
    auth: 'guest',
    params: Type.Object({ userId: Type.String(), filterId: Type.String() }),
    reply: anyObject,
    handle: async ({ session, params }) => {
      mustBeSelf(session, params.userId)
      const stored = await filters.get(session.user, params.filterId)
      if (!stored) throw new MatrixError('M_NOT_FOUND', 'There is no such filter')
      return stored.json
    },
  }),
]

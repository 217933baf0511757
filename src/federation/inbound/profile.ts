import { Type } from 'typebox'
import { route, type Route } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { isLocalUser } from '../../matrix/ids.ts'
import { own } from '../../matrix/json.ts'
import type { Users } from '../../users/index.ts'

/** What users here say of themselves. @see https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1queryprofile */
export const profileRoute = ({ users, serverName }: { users: Users; serverName: string }): Route =>
  route({
    id: 'queryProfile',
    method: 'GET',
    path: '/_matrix/federation/v1/query/profile',
    auth: 'server',
    query: Type.Object({ user_id: Type.String(), field: Type.Optional(Type.String()) }),
    reply: Type.Record(Type.String(), Type.Unknown()),
    handle: async ({ query: { user_id: userId, field } }) => {
      // What is known of users of others is theirs to tell.
      if (!isLocalUser(userId, serverName)) throw new MatrixError('M_NOT_FOUND', 'This server has no such user')
      const known = await users.profiles.get(userId)
      if (!known) await users.summon(userId)
      const profile = known ?? (await users.profiles.get(userId))
      if (!profile) throw new MatrixError('M_NOT_FOUND', 'This server has no such user')
      if (field === undefined) return profile
      const value = own(profile, field)
      return value === undefined ? {} : { [field]: value }
    },
  })

import { Type } from 'typebox'
import { route, type Route } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { mustBeSelf } from '../../users/index.ts'
import type { LoginDeps } from '../deps.ts'
import { addOpenIdToken, readOpenIdUser } from './store.ts'
import { hashToken } from '../../sessions/index.ts'

export type OpenIdDeps = Pick<LoginDeps, 'database' | 'users' | 'now' | 'randomId'> & { readonly serverName: string }

const lifetimeMs = 3_600_000

const unknownToken = (): MatrixError =>
  new MatrixError('M_UNKNOWN_TOKEN', 'This token is not known here, or has run out')

/** Proofs of who somebody is, for other services: widgets, integrations, call servers. They are good for nothing else. */
export const openIdRoutes = ({ database, users, now, randomId, serverName }: OpenIdDeps): Route[] => [
  /** @see https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3useruseridopenidrequest_token */
  route({
    id: 'requestOpenIdToken',
    method: 'POST',
    path: '/_matrix/client/v3/user/:userId/openid/request_token',
    auth: 'user',
    limit: 'session',
    params: Type.Object({ userId: Type.String() }),
    body: Type.Object({}),
    reply: Type.Object({
      access_token: Type.String(),
      token_type: Type.String(),
      matrix_server_name: Type.String(),
      expires_in: Type.Integer(),
    }),
    handle: async ({ session, params }) => {
      mustBeSelf(session, params.userId)
      const token = randomId()
      await database.write((tx) =>
        addOpenIdToken(tx, { hash: hashToken(token), user: session.user, expires: now() + lifetimeMs }, now()),
      )
      return {
        access_token: token,
        token_type: 'Bearer',
        matrix_server_name: serverName,
        expires_in: lifetimeMs / 1000,
      }
    },
  }),
  /**
   * What such a service asks with the token.
   * @see https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1openiduserinfo
   */
  route({
    id: 'exchangeOpenIdToken',
    method: 'GET',
    path: '/_matrix/federation/v1/openid/userinfo',
    auth: 'none',
    query: Type.Object({ access_token: Type.Optional(Type.String()) }),
    reply: Type.Object({ sub: Type.String() }),
    handle: async ({ query: { access_token: token } }) => {
      if (token === undefined) throw new MatrixError('M_MISSING_TOKEN', 'access_token is missing')
      const user = await readOpenIdUser(database.read, hashToken(token), now())
      const account = user === undefined ? undefined : await users.account(user)
      if (!account || account.deactivated || account.locked) throw unknownToken()
      return { sub: account.userId }
    },
  }),
]

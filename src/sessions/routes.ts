import { Type } from 'typebox'
import { route, type Route } from '../http/index.ts'
import type { JsonObject } from '../matrix/json.ts'
import type { LoginContext } from '../login/deps.ts'
import { logout, logoutAll, refreshSession } from './open.ts'
import { readOrigin } from '../login/standing/index.ts'
import { addLoginToken } from './store/access.ts'
import { hashToken, makeToken } from './tokens.ts'
import { flowsFor } from '../login/uia/stages.ts'

const Empty = Type.Object({})
/** How long a login token is good, in ms: long enough to be carried to another device. */
const loginTokenMs = 120_000

export const sessionRoutes = (context: LoginContext): Route[] => [
  /** Exchanges a refresh token for new tokens. @see https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3refresh */
  route({
    id: 'refresh',
    method: 'POST',
    path: '/_matrix/client/v3/refresh',
    auth: 'none',
    limit: 'session',
    body: Type.Object({ refresh_token: Type.String() }),
    reply: Type.Object({
      access_token: Type.String(),
      refresh_token: Type.Optional(Type.String()),
      expires_in_ms: Type.Optional(Type.Integer()),
    }),
    handle: async ({ body }) => {
      const { accessToken, refreshToken, expiresInMs } = await refreshSession(context, body.refresh_token)
      return {
        access_token: accessToken,
        ...(refreshToken !== undefined && { refresh_token: refreshToken }),
        ...(expiresInMs !== undefined && { expires_in_ms: expiresInMs }),
      }
    },
  }),

  /**
   * Ends this session; its device, the device's keys and what waits for it go with it.
   * @see https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3logout
   */
  route({
    id: 'logout',
    method: 'POST',
    path: '/_matrix/client/v3/logout',
    auth: 'locked',
    limit: 'session',
    reply: Empty,
    handle: async ({ session }) => {
      await logout(context, session)
      return {}
    },
  }),

  /** Ends every session of this user. @see https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3logoutall */
  route({
    id: 'logout_all',
    method: 'POST',
    path: '/_matrix/client/v3/logout/all',
    auth: 'locked',
    limit: 'session',
    reply: Empty,
    handle: async ({ session }) => {
      await logoutAll(context, session.user)
      return {}
    },
  }),

  /** Whose token this is. @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3accountwhoami */
  route({
    id: 'getTokenOwner',
    method: 'GET',
    path: '/_matrix/client/v3/account/whoami',
    auth: 'guest',
    reply: Type.Object({ user_id: Type.String(), device_id: Type.Optional(Type.String()), is_guest: Type.Boolean() }),
    handle: ({ session }) => ({
      user_id: session.userId,
      ...(session.deviceId !== null && { device_id: session.deviceId }),
      is_guest: session.guest,
    }),
  }),

  /**
   * A token by which another device of this user signs in, once, within two minutes. Has to be confirmed.
   * @see https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv1loginget_token
   */
  route({
    id: 'generateLoginToken',
    method: 'POST',
    path: '/_matrix/client/v1/login/get_token',
    auth: 'user',
    limit: 'session',
    body: Type.Object({ auth: Type.Optional(Type.Unknown()) }),
    reply: Type.Object({ login_token: Type.String(), expires_in_ms: Type.Integer() }),
    handle: async ({ session, body, ip }) => {
      // The body is JSON by construction; the schema says no more than it needs.
      await context.uia.confirm({
        session,
        ip,
        operation: 'get_token',
        body: body as JsonObject,
        flows: await flowsFor(context, session),
      })
      const token = makeToken('login', context.randomId)
      const now = context.now()
      // The other session comes of the same: it ends with it.
      const from = session.device === null ? undefined : await readOrigin(context.database.read, session.device)
      await context.database.write((tx) =>
        addLoginToken(tx, { hash: hashToken(token), user: session.user, expires: now + loginTokenMs, now, from }),
      )
      return { login_token: token, expires_in_ms: loginTokenMs }
    },
  }),
]

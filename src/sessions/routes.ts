import { Type } from 'typebox'
import { route, type Route } from '../http/index.ts'
import { type LogoutDeps, logout, logoutAll } from './logout.ts'
import { type RefreshDeps, refreshSession } from './refresh.ts'

const Empty = Type.Object({})

/** What every session can do with itself. */
export const sessionRoutes = (deps: RefreshDeps & LogoutDeps): Route[] => [
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
      const { accessToken, refreshToken, expiresInMs } = await refreshSession(deps, body.refresh_token)
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
    whileSuspended: true,
    limit: 'session',
    reply: Empty,
    handle: async ({ session }) => {
      await logout(deps, session)
      return {}
    },
  }),

  /** Ends every session of this user. @see https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3logoutall */
  route({
    id: 'logout_all',
    method: 'POST',
    path: '/_matrix/client/v3/logout/all',
    auth: 'locked',
    whileSuspended: true,
    limit: 'session',
    reply: Empty,
    handle: async ({ session }) => {
      await logoutAll(deps, session.user)
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
]

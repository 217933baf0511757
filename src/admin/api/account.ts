import { Type } from 'typebox'
import type { Route } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import type { AdminApiDeps } from '../deps.ts'
import { hasMasterKey } from '../store/users.ts'
import { adminRoute, Empty, UserParams } from './route.ts'
import { anyAccount } from './user.ts'

const Admin = Type.Object({ admin: Type.Boolean() })
const ShadowBan = '/_synapse/admin/v1/users/:userId/shadow_ban'
const RateLimit = '/_synapse/admin/v1/users/:userId/override_ratelimit'
const Rate = Type.Object({
  messages_per_second: Type.Optional(Type.Integer({ minimum: 0 })),
  burst_count: Type.Optional(Type.Integer({ minimum: 0 })),
})

/** What administrators do to an account. */
export const accountRoutes = (deps: AdminApiDeps): Route[] => [
  /** Ends an account for good. With `erase` the person's profile goes too, and what they said is shown to nobody who comes later. */
  adminRoute(deps, {
    id: 'adminDeactivateUser',
    method: 'POST',
    path: '/_synapse/admin/v1/deactivate/:userId',
    limit: 'heavy',
    params: UserParams,
    body: Type.Object({ erase: Type.Optional(Type.Boolean()) }),
    reply: Type.Object({ id_server_unbind_result: Type.String() }),
    handle: async ({ params, body }) => {
      await deps.identities.deactivate((await anyAccount(deps, params.userId)).nid, body.erase ?? false)
      return { id_server_unbind_result: 'success' }
    },
  }),
  adminRoute(deps, {
    id: 'adminResetPassword',
    method: 'POST',
    path: '/_synapse/admin/v1/reset_password/:userId',
    params: UserParams,
    body: Type.Object({
      new_password: Type.String({ maxLength: 512 }),
      logout_devices: Type.Optional(Type.Boolean()),
    }),
    reply: Empty,
    handle: async ({ params, body }) => {
      const { nid, deactivated } = await anyAccount(deps, params.userId)
      if (deactivated) throw new MatrixError('M_USER_DEACTIVATED', 'This account has been deactivated')
      await deps.login.administration.setPassword(nid, body.new_password, body.logout_devices !== false)
      return {}
    },
  }),
  adminRoute(deps, {
    id: 'adminGetUserAdmin',
    method: 'GET',
    path: '/_synapse/admin/v1/users/:userId/admin',
    params: UserParams,
    reply: Admin,
    handle: async ({ params }) => ({ admin: (await anyAccount(deps, params.userId)).admin }),
  }),
  adminRoute(deps, {
    id: 'adminSetUserAdmin',
    method: 'PUT',
    path: '/_synapse/admin/v1/users/:userId/admin',
    params: UserParams,
    body: Admin,
    reply: Empty,
    handle: async ({ session, params, body }) => {
      const { nid } = await anyAccount(deps, params.userId)
      if (nid === session.user && !body.admin)
        throw new MatrixError('M_FORBIDDEN', 'You may not take the rights of an administrator from yourself')
      await deps.users.setAdmin(nid, body.admin)
      return {}
    },
  }),
  adminRoute(deps, {
    id: 'adminSuspendUser',
    method: 'PUT',
    path: '/_synapse/admin/v1/suspend/:userId',
    params: UserParams,
    body: Type.Object({ suspend: Type.Boolean() }),
    reply: Type.Record(Type.String(), Type.Boolean()),
    handle: async ({ session, params, body }) => {
      const { nid, userId } = await anyAccount(deps, params.userId)
      if (nid === session.user) throw new MatrixError('M_FORBIDDEN', 'This is your own account')
      const { suspended } = await deps.users.setSuspended(nid, body.suspend)
      return { [`user_${userId}_suspended`]: suspended }
    },
  }),
  /** A token by which the administrator acts as the user, who is shown nothing of it. */
  adminRoute(deps, {
    id: 'adminLoginAsUser',
    method: 'POST',
    path: '/_synapse/admin/v1/users/:userId/login',
    params: UserParams,
    body: Type.Object({ valid_until_ms: Type.Optional(Type.Union([Type.Integer(), Type.Null()])) }),
    reply: Type.Object({ access_token: Type.String() }),
    handle: async ({ session, params, body }) => {
      const until = body.valid_until_ms ?? null
      if (until !== null && until <= deps.now())
        throw new MatrixError('M_INVALID_PARAM', '"valid_until_ms" must lie ahead')
      const account = await anyAccount(deps, params.userId)
      return { access_token: await deps.login.administration.actAs(session.user, account, until) }
    },
  }),
  adminRoute(deps, {
    id: 'adminShadowBan',
    method: 'POST',
    path: ShadowBan,
    params: UserParams,
    reply: Empty,
    handle: async ({ params }) => {
      await deps.users.setShadowBanned((await anyAccount(deps, params.userId)).nid, true)
      return {}
    },
  }),
  adminRoute(deps, {
    id: 'adminShadowUnban',
    method: 'DELETE',
    path: ShadowBan,
    params: UserParams,
    reply: Empty,
    handle: async ({ params }) => {
      await deps.users.setShadowBanned((await anyAccount(deps, params.userId)).nid, false)
      return {}
    },
  }),
  adminRoute(deps, {
    id: 'adminGetRateLimit',
    method: 'GET',
    path: RateLimit,
    params: UserParams,
    reply: Rate,
    handle: async ({ params }) => {
      const { rate } = await anyAccount(deps, params.userId)
      return rate === null ? {} : { messages_per_second: rate.perSecond, burst_count: rate.burst }
    },
  }),
  adminRoute(deps, {
    id: 'adminSetRateLimit',
    method: 'POST',
    path: RateLimit,
    params: UserParams,
    body: Rate,
    reply: Rate,
    handle: async ({ params, body: { messages_per_second: perSecond = 0, burst_count: burst = 0 } }) => {
      await deps.users.setRate((await anyAccount(deps, params.userId)).nid, { perSecond, burst })
      return { messages_per_second: perSecond, burst_count: burst }
    },
  }),
  adminRoute(deps, {
    id: 'adminDeleteRateLimit',
    method: 'DELETE',
    path: RateLimit,
    params: UserParams,
    reply: Empty,
    handle: async ({ params }) => {
      await deps.users.setRate((await anyAccount(deps, params.userId)).nid, null)
      return {}
    },
  }),
  /** For ten minutes the user may replace their cross-signing keys without a confirmation. */
  adminRoute(deps, {
    id: 'adminAllowKeyReset',
    method: 'POST',
    path: '/_synapse/admin/v1/users/:userId/_allow_cross_signing_replacement_without_uia',
    params: UserParams,
    reply: Type.Object({ updatable_without_uia_before_ms: Type.Integer() }),
    handle: async ({ params }) => {
      const { nid } = await anyAccount(deps, params.userId)
      if (!(await hasMasterKey(deps.database.read, nid)))
        throw new MatrixError('M_NOT_FOUND', 'User has no master cross-signing key')
      return { updatable_without_uia_before_ms: deps.login.administration.allowKeyReset(nid) }
    },
  }),
]

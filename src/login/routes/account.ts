import { Type } from 'typebox'
import { route, type Route } from '../../http/index.ts'
import type { JsonObject } from '../../matrix/json.ts'
import { deactivate } from '../accounts.ts'
import type { LoginContext } from '../deps.ts'
import { logoutAll } from '../sessions.ts'
import { flowsFor } from '../uia/stages.ts'

export const accountRoutes = (context: LoginContext): Route[] => [
  /**
   * Sets a new password. Has to be confirmed. Other sessions end, unless the client asks to keep them.
   * @see https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3accountpassword
   */
  route({
    id: 'changePassword', method: 'POST', path: '/_matrix/client/v3/account/password', auth: 'user', limit: 'session',
    body: Type.Object({ new_password: Type.String(), logout_devices: Type.Optional(Type.Boolean()), auth: Type.Optional(Type.Unknown()) }),
    reply: Type.Object({}),
    handle: async ({ session, body, ip }) => {
      context.passwords.check(body.new_password)
      // The body is JSON by construction; the schema says no more than it needs.
      await context.uia.confirm({ session, ip, operation: 'change password', body: body as JsonObject, flows: await flowsFor(context, session) })
      await context.users.setPassword(session.user, await context.passwords.hash(body.new_password))
      if (body.logout_devices ?? true) await logoutAll(context, session.user, session)
      return {}
    },
  }),

  /**
   * Ends this account for good: its password, sessions and devices go, and with `erase` its profile and what it kept here.
   * Has to be confirmed. @see https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3accountdeactivate
   */
  route({
    id: 'deactivateAccount', method: 'POST', path: '/_matrix/client/v3/account/deactivate', auth: 'user', limit: 'session',
    body: Type.Object({ erase: Type.Optional(Type.Boolean()), auth: Type.Optional(Type.Unknown()) }),
    reply: Type.Object({ id_server_unbind_result: Type.String() }),
    handle: async ({ session, body, ip }) => {
      await context.uia.confirm({ session, ip, operation: 'deactivate', body: body as JsonObject, flows: await flowsFor(context, session) })
      await deactivate(context, session.user, body.erase ?? false)
      return { id_server_unbind_result: 'no-support' }
    },
  }),

  /** Mail addresses and phone numbers of this account: it has none. @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3account3pid */
  route({
    id: 'getAccount3PIDs', method: 'GET', path: '/_matrix/client/v3/account/3pid', auth: 'user',
    reply: Type.Object({ threepids: Type.Array(Type.Object({})) }),
    handle: () => ({ threepids: [] }),
  }),
]

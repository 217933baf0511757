import { Type } from 'typebox'
import { route, type Route } from '../../http/index.ts'
import type { JsonObject } from '../../matrix/json.ts'
import { loginTokenMs } from '../../sessions/index.ts'
import type { LoginParts } from '../deps.ts'
import { type FlowDeps, flowsFor } from '../uia/stages.ts'

/** Where whoever is signed in gets a token for another device of theirs. */
export const loginTokenRoutes = (context: FlowDeps & Pick<LoginParts, 'uia'>): Route[] => [
  /**
   * A token by which another device of this user signs in, once, within two minutes. Has to be confirmed.
   * @see https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv1loginget_token
   */
  route({
    id: 'generateLoginToken',
    method: 'POST',
    path: '/_matrix/client/v1/login/get_token',
    auth: 'user',
    whileSuspended: true,
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
      // The other session comes of the same: it ends with it.
      const from = session.device === null ? undefined : await context.sessions.originOf(session.device)
      return {
        login_token: await context.sessions.loginTokens.make({ user: session.user, from, since: context.now() }),
        expires_in_ms: loginTokenMs,
      }
    },
  }),
]

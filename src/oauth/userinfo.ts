import { Type } from 'typebox'
import { accessToken, Reply, route, type Route } from '../http/index.ts'
import { MatrixError } from '../matrix/errors.ts'
import type { OAuthContext } from './deps.ts'
import { OAuthError } from './error.ts'
import { hasOpenid } from './scope.ts'
import { readSession } from './store/sessions.ts'

/** @see https://datatracker.ietf.org/doc/html/rfc6750#section-3 */
const refusal = ({ status, code, message }: OAuthError): Reply =>
  new Reply({
    status,
    headers: {
      'content-type': 'application/json',
      'www-authenticate': `Bearer realm="oauth", error="${code}", error_description="${message}"`,
    },
    body: JSON.stringify({ error: code, error_description: message }),
  })

/** What a client with `openid` may know of the user. @see https://openid.net/specs/openid-connect-core-1_0.html#UserInfo */
export const userinfoRoutes = (context: OAuthContext): Route[] =>
  (['GET', 'POST'] as const).map((method) =>
    route({
      id: `oauthUserinfo ${method}`,
      method,
      path: '/oauth2/userinfo',
      auth: 'none',
      reply: Type.Object({}),
      handle: async ({ headers, ip, userAgent }) => {
        try {
          const token = accessToken(headers.authorization, {}, false)
          if (token === undefined) throw new OAuthError('invalid_token', 'There is no access token')
          const session = await context.sessions.authenticate(token, { ip, userAgent, query: {} })
          const opened = session.device === null ? undefined : await readSession(context.database.read, session.device)
          if (!opened || !hasOpenid(opened.scope) || session.locked)
            throw new OAuthError('insufficient_scope', 'This token was given without openid')
          const account = await context.users.account(session.user)
          return {
            sub: session.userId,
            ...(account && { preferred_username: account.localpart }),
            ...(account?.displayName && { name: account.displayName }),
          }
        } catch (error) {
          if (error instanceof OAuthError) return refusal(error)
          if (error instanceof MatrixError && error.status === 401)
            return refusal(new OAuthError('invalid_token', error.message, { cause: error }))
          throw error
        }
      },
    }),
  )

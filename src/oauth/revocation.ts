import type { Route } from '../http/index.ts'
import { hashToken } from '../sessions/index.ts'
import { clientAsking } from './client-auth.ts'
import type { OAuthContext } from './deps.ts'
import { oauthRoute } from './route.ts'
import { endSession, familyOf } from './sessions.ts'
import { readByFamily } from './store/sessions.ts'

/**
 * Ends the whole session that a token is of, with its device, whoever brings the token: who finds one can put it out of use.
 * @see https://spec.matrix.org/v1.19/client-server-api/#token-revocation
 */
export const revocationRoute = (context: OAuthContext): Route =>
  oauthRoute(context, {
    id: 'oauthRevoke',
    path: '/oauth2/revoke',
    takes: 'form',
    limit: 'session',
    handle: async (request) => {
      const { form, trace } = request
      const token = form.required('token')
      // Whoever wants to be somebody has to be that; but nobody needs to be anybody.
      if (
        form.get('client_secret') !== undefined ||
        form.get('client_assertion') !== undefined ||
        request.headers.authorization !== undefined
      )
        await clientAsking(context, request)
      const family = familyOf(token)
      const found =
        family === undefined
          ? await context.sessions.ownerOf(token)
          : await readByFamily(context.database.read, hashToken(family))
      if (found?.deviceId === undefined) return undefined
      await endSession(context, { user: found.user, deviceId: found.deviceId })
      context.logger.info({ trace, user: found.user, device: found.deviceId }, 'a session was ended by its token')
      return undefined
    },
  })

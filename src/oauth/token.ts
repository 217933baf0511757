import type { Route } from '../http/index.ts'
import type { OAuthContext } from './deps.ts'
import { OAuthError } from './error.ts'
import { grantOf, grantTypes } from './grants/index.ts'
import { oauthRoute } from './route.ts'

/** Where clients get their tokens. @see https://datatracker.ietf.org/doc/html/rfc6749#section-3.2 */
export const tokenRoute = (context: OAuthContext): Route =>
  oauthRoute(context, {
    id: 'oauthToken',
    path: '/oauth2/token',
    takes: 'form',
    limit: 'login',
    handle: (request) => {
      const type = request.form.required('grant_type')
      const grant = grantOf(type)
      if (!grant)
        throw new OAuthError('unsupported_grant_type', `"grant_type" must be one of: ${grantTypes.join(', ')}`)
      return grant.exchange(context, request)
    },
  })

import type { Route } from '../http/index.ts'
import { hashToken } from '../sessions/index.ts'
import { mustBeClient } from './client-auth.ts'
import type { OAuthContext } from './deps.ts'
import { OAuthError } from './error.ts'
import { oauthRoute } from './route.ts'
import { familyOf } from './sessions.ts'
import { readByFamily, readSession } from './store/sessions.ts'

const inactive = { active: false }

/**
 * Whose a token is, for services of the operator's own.
 * @see https://datatracker.ietf.org/doc/html/rfc7662#section-2
 */
export const introspectionRoute = (context: OAuthContext): Route =>
  oauthRoute(context, {
    id: 'oauthIntrospect',
    path: '/oauth2/introspect',
    takes: 'form',
    limit: 'default',
    handle: async (request) => {
      const client = await mustBeClient(context, request)
      if (!client.own?.introspection || (client.own.secret === undefined && client.own.jwks === undefined))
        throw new OAuthError('invalid_client', 'This client may not ask whose a token is')
      const token = request.form.required('token')
      const family = familyOf(token)
      const found = await context.sessions.ownerOf(token)
      if (family !== undefined && (await readByFamily(context.database.read, hashToken(family))) === undefined)
        return inactive
      const account = found && (await context.users.account(found.user))
      if (!found || !account || account.deactivated || account.locked) return inactive
      if (found.expires !== undefined && found.expires <= context.now()) return inactive
      const session = found.device === undefined ? undefined : await readSession(context.database.read, found.device)
      return {
        active: true,
        token_type: family === undefined ? 'access_token' : 'refresh_token',
        scope:
          session?.scope ??
          (found.deviceId === undefined
            ? 'urn:matrix:client:api:*'
            : `urn:matrix:client:api:* urn:matrix:client:device:${found.deviceId}`),
        ...(session && session.client_id !== '' && { client_id: session.client_id }),
        sub: account.userId,
        username: account.localpart,
        iss: context.issuer,
        ...(found.deviceId !== undefined && { device_id: found.deviceId }),
        ...(found.expires !== undefined && { exp: Math.floor(found.expires / 1000) }),
      }
    },
  })

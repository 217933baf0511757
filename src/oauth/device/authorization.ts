import { clientNetwork, limitExceeded, type Route } from '../../http/index.ts'
import { hashToken, makeToken } from '../../sessions/index.ts'
import { mustBeClient } from '../client-auth.ts'
import type { OAuthContext } from '../deps.ts'
import { OAuthError } from '../error.ts'
import { deviceCode } from '../grants/device-code.ts'
import { oauthRoute } from '../route.ts'
import { parseScope } from '../scope.ts'
import { addDeviceCode } from '../store/codes.ts'
import { makeUserCode, shownCode } from './user-code.ts'

/** How long somebody has to let a device in, in ms. */
const deviceCodeMs = 20 * 60_000
/** How many devices may wait at once. */
const most = 10_000
/** How often a device should ask, in seconds. */
const interval = 5

/**
 * A device that cannot show a page asks to be let in from another one.
 * @see https://spec.matrix.org/v1.19/client-server-api/#device-authorisation-flow
 * @see https://datatracker.ietf.org/doc/html/rfc8628#section-3.1
 */
export const deviceAuthorizationRoute = (context: OAuthContext): Route =>
  oauthRoute(context, {
    id: 'oauthDeviceAuthorization',
    path: '/oauth2/device_authorization',
    takes: 'form',
    limit: 'login',
    handle: async (request) => {
      const { form, ip } = request
      const client = await mustBeClient(context, request)
      if (!client.mayUse(deviceCode.type))
        throw new OAuthError('unauthorized_client', 'The client has not registered for the device authorization grant')
      const scope = parseScope(form.get('scope'))
      const wait = context.deviceCodes.take(clientNetwork(ip))
      if (wait > 0) throw limitExceeded(wait)
      const [code, userCode, now] = [
        makeToken('device', context.randomId),
        makeUserCode(context.randomBytes),
        context.now(),
      ]
      const added = await context.database.write((tx) =>
        addDeviceCode(
          tx,
          {
            device_hash: hashToken(code),
            user_code: userCode,
            client_id: client.id,
            scope: scope.text,
            ip,
            state: 'waiting',
            user_nid: null,
            auth_ts: null,
            provider: null,
            subject: null,
            sid: null,
            session_until: null,
            created_ts: now,
            expires_ts: now + deviceCodeMs,
          },
          now,
          most,
        ),
      )
      if (!added)
        throw new OAuthError('temporarily_unavailable', 'Too many devices wait to be let in, try again in a while')
      const page = `${context.publicUrl}/link`
      return {
        device_code: code,
        user_code: shownCode(userCode),
        verification_uri: page,
        verification_uri_complete: `${page}?user_code=${shownCode(userCode)}`,
        expires_in: deviceCodeMs / 1000,
        interval,
      }
    },
  })

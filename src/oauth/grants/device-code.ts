import { hashToken } from '../../sessions/index.ts'
import { gate } from '../../users/index.ts'
import { mustBeClient } from '../client-auth.ts'
import type { OAuthContext } from '../deps.ts'
import { OAuthError } from '../error.ts'
import { parseScope } from '../scope.ts'
import { endSession, idTokenFor, tokenReply, wantedOf } from '../sessions.ts'
import { readDeviceCode, takeDeviceCode } from '../store/codes.ts'
import { readByCode } from '../store/sessions.ts'
import type { Grant } from './grant.ts'

const refused = (): OAuthError => new OAuthError('invalid_grant', 'This device code is not valid, or was used')

/** Nobody is let in by a code that comes again: it ends what it gave. */
const endBy = async (context: OAuthContext, codeHash: string, trace: string): Promise<never> => {
  const opened = await readByCode(context.database.read, codeHash)
  if (opened) {
    await endSession(context, opened)
    context.logger.warn(
      { trace, user: opened.user, device: opened.deviceId },
      'a device code came twice: its session has been ended',
    )
  }
  throw refused()
}

/**
 * A device asks whether somebody has let it in.
 * @see https://spec.matrix.org/v1.19/client-server-api/#device-authorisation-grant
 * @see https://datatracker.ietf.org/doc/html/rfc8628#section-3.4
 */
export const deviceCode: Grant = {
  type: 'urn:ietf:params:oauth:grant-type:device_code',
  exchange: async (context, request) => {
    const { form, ip, userAgent, trace } = request
    const client = await mustBeClient(context, request)
    const codeHash = hashToken(form.required('device_code'))
    const waiting = await readDeviceCode(context.database.read, codeHash)
    if (!waiting) return endBy(context, codeHash, trace)
    if (waiting.client_id !== client.id) throw refused()
    if (waiting.expires_ts <= context.now())
      throw new OAuthError('expired_token', 'Nobody has let the device in for too long: begin again')
    if (waiting.state === 'waiting') {
      if (context.polls.take(codeHash) > 0)
        throw new OAuthError('slow_down', 'The device asks too often: once in five seconds will do')
      throw new OAuthError('authorization_pending', 'Nobody has let the device in yet')
    }
    const code = await context.database.write((tx) => takeDeviceCode(tx, codeHash))
    if (!code) return endBy(context, codeHash, trace)
    if (code.state !== 'allowed' || code.user_nid === null)
      throw new OAuthError('access_denied', 'The user has said no')
    const account = await context.users.account(code.user_nid)
    if (!account) throw refused()
    gate(account, 'login')
    const { provider, subject, sid } = code
    const opened = await context.sessions.open(account, undefined, {
      ...wantedOf(context, {
        clientId: client.id,
        clientName: client.name,
        scope: parseScope(code.scope),
        ip,
        userAgent,
        codeHash,
        authenticated: code.auth_ts ?? undefined,
      }),
      from: provider === null || subject === null ? undefined : { provider, subject, sid: sid ?? undefined },
      until: code.session_until ?? undefined,
    })
    context.logger.info(
      { trace, client: client.id, provider: provider ?? undefined, user: opened.userId, device: opened.deviceId },
      'a device signed in by OAuth 2.0',
    )
    const idToken = await idTokenFor(context, client.signing, {
      clientId: client.id,
      scope: code.scope,
      userId: opened.userId,
      authenticated: code.auth_ts,
    })
    return tokenReply(opened, code.scope, idToken)
  },
}

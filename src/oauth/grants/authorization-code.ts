import { hashToken } from '../../sessions/index.ts'
import { gate } from '../../users/index.ts'
import { mustBeClient } from '../client-auth.ts'
import type { OAuthContext } from '../deps.ts'
import { OAuthError } from '../error.ts'
import { provesChallenge } from '../pkce.ts'
import { parseScope } from '../scope.ts'
import { endSession, idTokenFor, tokenReply, wantedOf } from '../sessions.ts'
import { type StoredCode, takeCode } from '../store/codes.ts'
import { readByCode } from '../store/sessions.ts'
import type { Grant } from './grant.ts'

const refused = (): OAuthError =>
  new OAuthError('invalid_grant', 'This code is not valid, was used, has run out, or is of another client')

/** Takes the code out, so that it is good once. Whoever brings one again ends what it gave: one of the two is not the client. */
const redeem = async (context: OAuthContext, codeHash: string, trace: string): Promise<StoredCode> => {
  const { database, now, logger } = context
  const code = await database.write((tx) => takeCode(tx, codeHash))
  if (code && code.expires_ts > now()) return code
  const opened = await readByCode(database.read, codeHash)
  if (opened) {
    await endSession(context, opened)
    logger.warn(
      { trace, user: opened.user, device: opened.deviceId },
      'an authorization code came twice: its session has been ended',
    )
  }
  throw refused()
}

/** @see https://spec.matrix.org/v1.19/client-server-api/#authorisation-code-grant */
export const authorizationCode: Grant = {
  type: 'authorization_code',
  exchange: async (context, request) => {
    const { form, ip, userAgent, trace } = request
    const client = await mustBeClient(context, request)
    const codeHash = hashToken(form.required('code'))
    const [redirectUri, verifier] = [form.required('redirect_uri'), form.required('code_verifier')]
    const code = await redeem(context, codeHash, trace)
    if (
      code.client_id !== client.id ||
      code.redirect_uri !== redirectUri ||
      !provesChallenge(verifier, code.challenge)
    ) {
      context.logger.info(
        { trace, client: client.id },
        'an authorization code came from somebody who did not ask for it',
      )
      throw refused()
    }
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
        authenticated: code.auth_ts,
      }),
      from: provider === null || subject === null ? undefined : { provider, subject, sid: sid ?? undefined },
      until: code.session_until ?? undefined,
    })
    context.logger.info(
      { trace, client: client.id, provider: provider ?? undefined, user: opened.userId, device: opened.deviceId },
      'somebody signed in by OAuth 2.0',
    )
    const idToken = await idTokenFor(context, client.signing, {
      clientId: client.id,
      scope: code.scope,
      userId: opened.userId,
      nonce: code.nonce,
      authenticated: code.auth_ts,
    })
    return tokenReply(opened, code.scope, idToken)
  },
}

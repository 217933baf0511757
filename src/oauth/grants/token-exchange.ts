import { gate } from '../../users/index.ts'
import { clientAsking } from '../client-auth.ts'
import { OAuthError } from '../error.ts'
import type { OAuthContext } from '../deps.ts'
import type { OAuthRequest } from '../route.ts'
import { type TokenReply, tokenReply } from '../sessions.ts'
import { readSession } from '../store/sessions.ts'
import type { Grant } from './grant.ts'
import { exchangeProviderToken } from './provider-token.ts'

const types = {
  access: 'urn:ietf:params:oauth:token-type:access_token',
  jwt: 'urn:ietf:params:oauth:token-type:jwt',
  id: 'urn:ietf:params:oauth:token-type:id_token',
}

const isJwt = (token: string): boolean => token.split('.').length === 3

/** What is asked for has to be for this server. */
const checkTarget = ({ issuer, config }: OAuthContext, { form }: OAuthRequest): void => {
  const [audience, resource] = [form.get('audience'), form.get('resource')]
  if (audience !== undefined && audience !== issuer && audience !== config.server_name)
    throw new OAuthError('invalid_target', 'Tokens are given out here for this server alone')
  if (resource !== undefined && !(resource === issuer || resource.startsWith(`${issuer}/`)))
    throw new OAuthError('invalid_target', 'Tokens are given out here for this server alone')
  if (form.get('actor_token') !== undefined) throw new OAuthError('invalid_request', 'An actor token is of no use here')
  const wanted = form.get('requested_token_type')
  if (wanted !== undefined && wanted !== types.access)
    throw new OAuthError('invalid_request', `"requested_token_type" must be ${types.access}`)
}

/**
 * A further access token for the session of an access token: of the same device, for at most as long as that one is good, and without a
 * refresh token. Something that acts for the user for a moment gets that, and not their session.
 */
const exchangeOwnToken = async (context: OAuthContext, request: OAuthRequest, token: string): Promise<TokenReply> => {
  await clientAsking(context, request)
  const { form, ip, userAgent } = request
  const session = await context.sessions.authenticate(token, { ip, userAgent, query: {} })
  // A token that can still be used to log out is no token to get others by.
  gate({ locked: session.locked, deactivated: false }, 'use')
  if (session.device === null || session.appservice !== undefined)
    throw new OAuthError(
      'invalid_grant',
      'The token stands for no device, so that there is no session to get a part of',
    )
  const opened = await readSession(context.database.read, session.device)
  const whole = opened?.scope ?? `urn:matrix:client:api:* urn:matrix:client:device:${session.deviceId ?? ''}`
  const asked = (form.get('scope') ?? whole).split(' ').filter((part) => part !== '')
  if (!asked.every((part) => whole.split(' ').includes(part)))
    throw new OAuthError('invalid_scope', `The token has no more than: ${whole}`)
  const tokens = await context.sessions.derive(session, context.config.oauth.access_token_lifetime)
  return tokenReply(tokens, asked.join(' '))
}

/** @see https://datatracker.ietf.org/doc/html/rfc8693#section-2 */
export const tokenExchange: Grant = {
  type: 'urn:ietf:params:oauth:grant-type:token-exchange',
  exchange: async (context, request) => {
    const { form } = request
    const [token, type] = [form.required('subject_token'), form.required('subject_token_type')]
    if (!Object.values(types).includes(type))
      throw new OAuthError('invalid_request', `"subject_token_type" must be one of: ${Object.values(types).join(', ')}`)
    checkTarget(context, request)
    const reply =
      type === types.access && !isJwt(token)
        ? await exchangeOwnToken(context, request, token)
        : await exchangeProviderToken(context, request, token)
    return { ...reply, issued_token_type: types.access }
  },
}

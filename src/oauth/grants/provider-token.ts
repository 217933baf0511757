import { type Client, type OwnClient } from '../clients.ts'
import { clientAsking } from '../client-auth.ts'
import type { OAuthContext } from '../deps.ts'
import { OAuthError } from '../error.ts'
import type { OAuthRequest } from '../route.ts'
import { parseScope, scopeOf } from '../scope.ts'
import { type TokenReply, tokenReply, wantedOf } from '../sessions.ts'

/** Which providers' tokens the client may exchange; undefined: those of all. */
const providersFor = ({ config }: OAuthContext, own: OwnClient | undefined): readonly string[] | undefined => {
  if (own && own.providers.length > 0) return own.providers
  return config.oauth.token_exchange === 'anyone' ? undefined : []
}

/** @throws OAuthError unauthorized_client */
const mustExchange = (context: OAuthContext, client: Client | undefined): readonly string[] | undefined => {
  const providers = providersFor(context, client?.own)
  if (providers?.length === 0)
    throw new OAuthError(
      'unauthorized_client',
      'This server lets only clients of its configuration exchange tokens of identity providers',
    )
  return providers
}

/** A device id as one has it who names none. */
const newDeviceId = ({ randomId }: Pick<OAuthContext, 'randomId'>): string =>
  randomId()
    .toUpperCase()
    .replaceAll(/[^A-Z]/g, '')
    .slice(0, 10)
    .padEnd(10, 'A')

/**
 * Makes a session of the token of an identity provider, without a browser: as a sign-in by `org.matrix.login.jwt` does it, rules, mapping,
 * gate and line in the log included. It ends when the provider's session does.
 * @throws OAuthError; MatrixError as the sign-in does
 */
export const exchangeProviderToken = async (
  context: OAuthContext,
  request: OAuthRequest,
  token: string,
): Promise<TokenReply> => {
  const { form, ip, userAgent, trace } = request
  const client = await clientAsking(context, request)
  const providers = mustExchange(context, client)
  const scope = parseScope(form.get('scope') ?? scopeOf(newDeviceId(context)))
  const opened = await context.login.openByToken(
    token,
    { ip, trace },
    wantedOf(context, { clientId: client?.id ?? '', clientName: client?.name, scope, ip, userAgent }),
    (provider) => {
      if (providers && !providers.includes(provider))
        throw new OAuthError('unauthorized_client', `This client may not exchange tokens of "${provider}"`)
    },
  )
  return tokenReply(opened, scope.text)
}

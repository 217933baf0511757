import * as client from 'openid-client'
import type { Config } from '../../config/index.ts'
import type { Outgoing } from '../../http/index.ts'
import { discoverer } from '../oidc/discovery.ts'
import type { Asker } from '../../identity/index.ts'

type JwtEntry = Extract<Config['identity_providers'][number], { type: 'jwt' }>

/**
 * Asks the issuer of tokens whether one still stands; undefined where the configuration does not say that it is to be asked.
 * @see https://www.rfc-editor.org/rfc/rfc7662
 */
export const introspector = (entry: JwtEntry, deps: { outgoing: Outgoing; now: () => number }): Asker | undefined => {
  const { session_check: every, client_id: id, client_secret: secret, issuer } = entry
  if (every === 'off' || id === undefined || secret === undefined) return undefined
  const discovered = discoverer(
    { issuer, client_id: id, client_secret: secret, client_authentication: 'basic', id_token_algorithm: 'RS256' },
    deps,
  )
  return {
    provider: entry.id,
    about: 'token',
    everyMs: every,
    secret,
    ask: async (token) => ({
      stands: (await client.tokenIntrospection(await discovered(), token, { token_type_hint: 'access_token' })).active,
    }),
  }
}

import type { Finding } from './finding.ts'
import type { Config } from './schema.ts'
import { oauthIssuer } from './schema-oauth.ts'

const error = (key: string, message: string, fix: string): Finding => ({ level: 'error', key, message, fix })

type Client = Exclude<Config['oauth'], 'off'>['clients'][number]

const isKeySet = (text: string): boolean => {
  try {
    const { keys } = JSON.parse(text) as { keys?: unknown }
    return Array.isArray(keys) && keys.length > 0
  } catch {
    return false
  }
}

const checkClient = (client: Client, path: string, providers: readonly string[]): Finding[] => {
  const { secret, jwks, redirect_uris: uris } = client
  const isSecret = secret !== undefined || jwks !== undefined
  const unknown = client.providers.filter((id) => !providers.includes(id))
  const bad = uris.filter((uri) => !URL.canParse(uri) || uri.includes('#') || /^(javascript|data):/i.test(uri))
  return [
    ...(client.introspection && !isSecret
      ? [
          error(
            `${path}.introspection`,
            `"${path}" may ask whose tokens are, and has nothing to prove itself with.`,
            'Give it a secret, or its keys as jwks.',
          ),
        ]
      : []),
    ...(secret !== undefined && jwks !== undefined
      ? [error(`${path}.jwks`, `"${path}" has both a secret and keys.`, 'Keep one.')]
      : []),
    ...(jwks !== undefined && !isKeySet(jwks)
      ? [
          error(
            `${path}.jwks`,
            `"${path}.jwks" is not a JSON Web Key Set.`,
            'Write {"keys": [...]} with its public keys.',
          ),
        ]
      : []),
    ...(secret !== undefined && secret.length < 32
      ? [
          error(
            `${path}.secret`,
            `"${path}.secret" is short enough to be guessed.`,
            'Take at least 32 random characters.',
          ),
        ]
      : []),
    ...unknown.map((id) =>
      error(
        `${path}.providers`,
        `"${path}.providers" names "${id}", which is no identity provider.`,
        'Name the id of one.',
      ),
    ),
    ...bad.map((uri) =>
      error(
        `${path}.redirect_uris`,
        `"${uri}" is no address that people can be sent back to.`,
        'Write it whole, without "#".',
      ),
    ),
  ]
}

/** What must hold between the settings of OAuth 2.0. */
export const checkOAuth = (config: Config): readonly Finding[] => {
  const { oauth, legacy_login: legacy, identity_providers: entries } = config
  const findings =
    legacy || oauthIssuer(config) !== undefined
      ? []
      : [
          error(
            'legacy_login',
            '"legacy_login" is off and there is no OAuth 2.0: nobody can sign in.',
            'Set public_base_url to an https address, or take legacy_login out.',
          ),
        ]
  if (oauth === 'off') return findings
  const providers = [...entries.map(({ id }) => id), 'jwt_config']
  return [
    ...findings,
    ...oauth.clients.flatMap((client, index) => {
      const path = `oauth.clients[${index}]`
      const isTwice = oauth.clients.findIndex(({ id }) => id === client.id) < index
      return [
        ...(isTwice ? [error(`${path}.id`, `"${path}.id" is the id of an earlier client.`, 'Give each its own.')] : []),
        ...checkClient(client, path, providers),
      ]
    }),
  ]
}

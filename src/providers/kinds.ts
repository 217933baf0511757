import type { Config, Finding } from '../config/index.ts'
import { cas } from './cas/index.ts'
import { jwt } from './jwt/index.ts'
import { ldap } from './ldap/index.ts'
import { oidc } from './oidc/index.ts'
import type { Kind, ProviderSettings } from './provider.ts'
import { saml } from './saml/index.ts'

/** Every kind of provider. A new one is a folder and a word here. */
export const kinds: readonly Kind[] = [jwt, oidc, saml, cas, ldap]

/** What the start says about the settings of providers, at `now` (ms). With an error among it the server must not start. */
export const providerFindings = (config: Omit<ProviderSettings, 'public_base_url'>, now: number): Finding[] =>
  kinds.flatMap((kind) => kind.checks(config, now))

/** What `config check` says about them; what is missing altogether, config/ says itself. */
export const providerChecks = (config: Config, now: number): Finding[] => {
  const { secret, algorithm } = config.jwt_config
  return providerFindings(config, now).filter(
    ({ key }) =>
      !(key === 'jwt_config.secret' && secret === undefined) &&
      !(key === 'jwt_config.algorithm' && algorithm === undefined),
  )
}

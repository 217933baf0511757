import type { Check, Config, Finding } from '../../config/index.ts'
import { dropInId } from '../engine/index.ts'
import { dropInProvider } from './drop-in.ts'
import { error } from '../findings.ts'
import { nativeProvider } from './native.ts'
import type { JwtProvider } from './provider.ts'

/** The part of the configuration that says whose tokens are taken. */
export type JwtSettings = Pick<Config, 'jwt_config' | 'identity_providers'>

/** Every provider of the configuration, and what is to be said about them. With an error among it the server must not start. */
export const jwtProviders = (config: JwtSettings): { providers: JwtProvider[]; findings: Finding[] } => {
  const made = [
    ...config.identity_providers.flatMap((entry, index) => (entry.type === 'jwt' ? [nativeProvider(entry, `identity_providers[${index}]`)] : [])),
    dropInProvider(config.jwt_config),
  ]
  const findings = made.flatMap((one) => one.findings)
  const namesake = config.identity_providers.findIndex(({ id }) => id === dropInId)
  if (namesake >= 0) findings.push(error(`identity_providers[${namesake}].id`, `"${dropInId}" is the id of the jwt_config block`, 'Choose another one'))
  return { providers: made.flatMap(({ provider }) => provider ?? []), findings }
}

/** What `config check` and the start say about keys and rules; what is missing altogether, config/ says itself. */
export const jwtChecks: Check = (config) => {
  const { secret, algorithm } = config.jwt_config
  const { findings } = jwtProviders(config)
  return findings.filter(({ key }) => !(key === 'jwt_config.secret' && secret === undefined) && !(key === 'jwt_config.algorithm' && algorithm === undefined))
}

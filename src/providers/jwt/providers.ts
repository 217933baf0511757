import type { Config, Finding } from '../../config/index.ts'
import { dropInIdOf, dropInIds } from '../../identity/index.ts'
import { dropInProvider } from './drop-in.ts'
import { error, warning } from '../../config/findings.ts'
import { nativeProvider } from './native.ts'
import type { JwtProvider } from './provider.ts'

/** The part of the configuration that says whose tokens are taken. */
export type JwtSettings = Pick<Config, 'jwt_config' | 'identity_providers'>

/** Keys that two providers have in common. With one `iss` or two: whoever can sign for the one could sign for the other. */
const sharedKeys = (providers: readonly JwtProvider[], paths: ReadonlyMap<string, string>): Finding[] =>
  providers.flatMap((provider, index) => {
    const other = providers
      .slice(0, index)
      .find((earlier) => provider.keys.some(({ key }) => earlier.keys.some((one) => one.key.equals(key))))
    return other === undefined
      ? []
      : [
          warning(
            paths.get(provider.id) ?? provider.id,
            `"${provider.id}" and "${other.id}" have a key in common: whoever signs tokens for the one can sign them for the other`,
            'Give each a key of its own',
          ),
        ]
  })

/** Every provider of the configuration, and what is to be said about them. With an error among it the server must not start. */
export const jwtProviders = (config: JwtSettings): { providers: JwtProvider[]; findings: Finding[] } => {
  const made = [
    ...config.identity_providers.flatMap((entry, index) =>
      entry.type === 'jwt' ? [nativeProvider(entry, `identity_providers[${index}]`)] : [],
    ),
    dropInProvider(config.jwt_config),
  ]
  const findings = made.flatMap((one) => one.findings)
  const namesake = config.identity_providers.findIndex(({ id }) => dropInIds.includes(id))
  if (namesake >= 0)
    findings.push(
      error(
        `identity_providers[${namesake}].id`,
        `"${config.identity_providers[namesake]?.id}" is the id of the jwt_config block`,
        'Choose another one',
      ),
    )
  const providers = made.flatMap(({ provider }) => provider ?? [])
  const paths = new Map([
    [dropInIdOf(config.jwt_config), 'jwt_config.secret'],
    ...config.identity_providers.map(({ id }, index) => [id, `identity_providers[${index}]`] as const),
  ])
  return { providers, findings: [...findings, ...sharedKeys(providers, paths)] }
}

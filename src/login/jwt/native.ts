import type { Config, Finding } from '../../config/index.ts'
import { error } from '../findings.ts'
import { type ParsedKeys, parseKeys } from './keys.ts'
import type { JwtProvider } from './provider.ts'

/** An entry of `identity_providers` of type `jwt`. */
export type NativeConfig = Config['identity_providers'][number]

/** Seconds by which clocks may differ. */
const leeway = 60

/**
 * Makes a provider of an entry of `identity_providers`. Stricter than the drop-in block: short secrets are errors, `exp`, issuer and
 * audience are required, and a name that is taken stays with whom it belongs to.
 *
 * @param path of the entry in the configuration, such as `identity_providers[0]`
 */
export const nativeProvider = (config: NativeConfig, path: string): { provider: JwtProvider | undefined; findings: Finding[] } => {
  const parsed: ParsedKeys[] = [
    ...(config.secret ?? []).map((secret) => parseKeys(secret, config.algorithms, `${path}.secret`, true)),
    ...(config.public_key ?? []).map((key) => parseKeys(key, config.algorithms, `${path}.public_key`, true)),
    ...(config.jwks === undefined ? [] : [parseKeys(config.jwks, config.algorithms, `${path}.jwks`, true)]),
  ]
  const findings = parsed.flatMap((one) => one.findings)
  const keys = parsed.flatMap((one) => one.keys)
  const unserved = config.algorithms.find((name) => !keys.some((key) => key.algorithms.has(name)))
  if (keys.length > 0 && unserved) {
    findings.push(error(`${path}.algorithms`, `No key is for ${unserved}`, 'Remove it, or add its key'))
  }
  if (keys.length === 0 || findings.some(({ level }) => level === 'error')) return { provider: undefined, findings }
  return {
    provider: {
      id: config.id,
      keys,
      algorithms: new Set(config.algorithms),
      subjectClaim: config.subject_claim,
      issuer: config.issuer,
      audiences: config.audiences,
      leeway,
      requireExpiry: true,
    },
    findings,
  }
}

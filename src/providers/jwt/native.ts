import type { Config, Finding } from '../../config/index.ts'
import { error, warning } from '../../config/findings.ts'
import { type AlgorithmName, algorithmOf } from './algorithms.ts'
import { type ParsedKeys, parseKeys } from './keys.ts'
import type { JwtProvider } from './provider.ts'

/** An entry of `identity_providers` of type `jwt`. */
export type NativeConfig = Extract<Config['identity_providers'][number], { type: 'jwt' }>

const forSecrets: readonly AlgorithmName[] = ['HS256']
const forPublicKeys: readonly AlgorithmName[] = ['RS256', 'PS256', 'ES256', 'EdDSA']

const isHmac = (name: AlgorithmName): boolean => algorithmOf(name)?.kind === 'hmac'
const off = <T>(value: T | 'off'): T | undefined => (value === 'off' ? undefined : value)
const seconds = (ms: number): number => ms / 1000

/** The algorithms that are allowed: those that are named, or the usual ones for the keys that are there. */
const algorithmsOf = ({
  algorithms,
  secret,
  public_key: publicKey,
  jwks,
  jwks_uri: uri,
}: NativeConfig): readonly AlgorithmName[] =>
  algorithms ?? [...(secret ? forSecrets : []), ...(!secret || publicKey || jwks || uri ? forPublicKeys : [])]

/** What is wrong with the settings beside the keys: what could never be fulfilled, and what lets in more than one thinks. */
const ruleFindings = (config: NativeConfig, path: string): Finding[] => {
  const lax =
    config.audiences === 'off' && !config.authorized_parties && !config.token_types && config.rules.length === 0
  return [
    ...(config.one_time && config.bearer
      ? [
          error(
            `${path}.one_time`,
            'A token that is good once cannot be an access token, which every request brings',
            'Take out one_time or bearer',
          ),
        ]
      : []),
    ...((config.one_time || config.bearer) && !config.require_expiry
      ? [
          error(
            `${path}.require_expiry`,
            `With ${config.bearer ? 'bearer' : 'one_time'} a token must carry "exp"`,
            'Take require_expiry out',
          ),
        ]
      : []),
    ...(config.device_claim !== undefined && !config.bearer
      ? [warning(`${path}.device_claim`, 'It has no effect without bearer', 'Write bearer: true, or take it out')]
      : []),
    ...(lax
      ? [
          warning(
            `${path}.audiences`,
            'Every token of this issuer is accepted, whichever service it was made for',
            'Name the audience, or authorized_parties, token_types or rules that tell tokens for this server from others',
          ),
        ]
      : []),
  ]
}

const remoteOf = (config: NativeConfig): JwtProvider['remote'] => {
  const { secret, public_key: publicKey, jwks, jwks_uri: uri, issuer, jwks_refresh: refresh } = config
  if (uri !== undefined) return { uri, refresh }
  return secret || publicKey || jwks || issuer === 'off' ? undefined : { issuer, refresh }
}

/**
 * Makes a provider of an entry of `identity_providers`. Stricter than the drop-in block: short secrets are errors, and `exp`, issuer
 * and audience are required unless they are switched off one by one.
 *
 * @param path of the entry in the configuration, such as `identity_providers[0]`
 */
export const nativeProvider = (
  config: NativeConfig,
  path: string,
): { provider: JwtProvider | undefined; findings: Finding[] } => {
  const algorithms = algorithmsOf(config)
  const remote = remoteOf(config)
  const parsed: ParsedKeys[] = [
    ...(config.secret ?? []).map((secret) => parseKeys(secret, algorithms, `${path}.secret`, true)),
    ...(config.public_key ?? []).map((key) => parseKeys(key, algorithms, `${path}.public_key`, true)),
    ...(config.jwks === undefined ? [] : [parseKeys(config.jwks, algorithms, `${path}.jwks`, true)]),
  ]
  const keys = parsed.flatMap((one) => one.keys)
  const unserved = config.algorithms?.find(
    (name) => !keys.some((key) => key.algorithms.has(name)) && (!remote || isHmac(name)),
  )
  const findings = [
    ...parsed.flatMap((one) => one.findings),
    ...(unserved && (keys.length > 0 || remote)
      ? [
          error(
            `${path}.algorithms`,
            `No key is for ${unserved}`,
            remote && isHmac(unserved)
              ? 'Remove it: a secret is never published, so add it as secret, or name the algorithm of the public keys'
              : 'Remove it, or add its key',
          ),
        ]
      : []),
    ...ruleFindings(config, path),
  ]
  if ((keys.length === 0 && !remote) || findings.some(({ level }) => level === 'error'))
    return { provider: undefined, findings }
  const provider: JwtProvider = {
    id: config.id,
    keys,
    remote,
    algorithms: new Set(algorithms),
    subjectClaim: config.subject_claim,
    issuer: off(config.issuer),
    audiences: config.audiences === 'off' ? 'any' : config.audiences,
    authorizedParties: config.authorized_parties,
    tokenTypes: config.token_types,
    leeway: seconds(config.leeway),
    maxAge: config.max_age === undefined ? undefined : seconds(config.max_age),
    requireExpiry: config.require_expiry,
    oneTime: config.one_time,
    bearer: config.bearer,
    deviceClaim: config.device_claim,
    dropIn: false,
  }
  return { provider, findings }
}

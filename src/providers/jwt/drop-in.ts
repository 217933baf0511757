import { dropInIdOf } from '../../identity/index.ts'
import { type AlgorithmName, algorithmOf, algorithms } from './algorithms.ts'
import type { Finding } from '../../config/index.ts'
import { error } from '../../config/findings.ts'
import { parseKeys } from './keys.ts'
import type { JwtProvider } from './provider.ts'

/** The `jwt_config` block, with the keys that operators paste from their present homeserver. */
export interface JwtConfig {
  enabled: boolean
  /** An HMAC secret, a PEM public key or certificate, or a JSON Web Key (Set). */
  secret?: string | Record<string, unknown> | undefined
  algorithm?: string | undefined
  subject_claim?: string | undefined
  display_name_claim?: string | undefined
  issuer?: string | undefined
  audiences?: readonly string[] | undefined
  try_out?: boolean | undefined
}

/** Seconds by which clocks may differ under the block. */
const leeway = 120

const algorithmFinding = (algorithm: string | undefined): Finding | undefined => {
  const known = Object.keys(algorithms).join(', ')
  const path = 'jwt_config.algorithm'
  if (algorithm === undefined)
    return error(path, 'No algorithm is set', `Set the one that your tokens are signed with: ${known}`)
  if (algorithm.toLowerCase() === 'none') {
    return error(
      path,
      'Under "none" tokens carry no signature, and anybody could sign in as anybody',
      `Set the one that your tokens are signed with: ${known}`,
    )
  }
  if (algorithmOf(algorithm)) return undefined
  const near = Object.keys(algorithms).find((name) => name.toLowerCase() === algorithm.toLowerCase())
  return error(
    path,
    `"${algorithm}" is not an algorithm that is known here`,
    near ? `Write it as ${near}` : `Set one of ${known}`,
  )
}

const ruleFindings = ({ issuer, audiences }: JwtConfig): Finding[] => [
  ...(issuer === ''
    ? [error('jwt_config.issuer', 'The issuer is empty', 'Set the exact "iss" of your tokens, or remove the key')]
    : []),
  ...(audiences?.length === 0
    ? [
        error(
          'jwt_config.audiences',
          'The list of audiences is empty, so that no token could ever be accepted',
          'Name the "aud" of your tokens, or remove the key',
        ),
      ]
    : []),
]

/**
 * Makes the provider of the `jwt_config` block, or says why there is none. With an error among the findings the server
 * must not start; `provider` is then undefined, as it is when the block is not enabled.
 */
export const dropInProvider = (
  config: JwtConfig | undefined,
): { provider: JwtProvider | undefined; findings: Finding[] } => {
  if (!config?.enabled) return { provider: undefined, findings: [] }
  const wrongAlgorithm = algorithmFinding(config.algorithm)
  const algorithm = wrongAlgorithm ? undefined : (config.algorithm as AlgorithmName)
  const findings = [...(wrongAlgorithm ? [wrongAlgorithm] : []), ...ruleFindings(config)]
  const material = config.secret
  if (material === undefined) {
    findings.push(
      error(
        'jwt_config.secret',
        'No secret is set',
        'Set it to the HMAC secret, the PEM public key or the JSON Web Key (Set) that your tokens are verified with',
      ),
    )
  }
  const parsed =
    material === undefined || algorithm === undefined
      ? undefined
      : parseKeys(material, [algorithm], 'jwt_config.secret', false)
  findings.push(...(parsed?.findings ?? []))
  if (algorithm === undefined || !parsed || findings.some((finding) => finding.level === 'error'))
    return { provider: undefined, findings }
  const provider: JwtProvider = {
    id: dropInIdOf(config),
    keys: parsed.keys,
    remote: undefined,
    algorithms: new Set([algorithm]),
    subjectClaim: config.subject_claim ?? 'sub',
    issuer: config.issuer,
    audiences: config.audiences,
    leeway,
    requireExpiry: false,
    authorizedParties: undefined,
    tokenTypes: undefined,
    maxAge: undefined,
    oneTime: false,
    bearer: false,
    deviceClaim: undefined,
    dropIn: true,
  }
  return { provider, findings }
}

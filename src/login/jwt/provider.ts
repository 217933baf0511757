import type { AlgorithmName } from './algorithms.ts'
import type { VerificationKey } from './keys.ts'

/** Whoever signs tokens that we take: its keys, and the rules its tokens must keep. */
export interface JwtProvider {
  /** Names the provider in identities, logs and `auth explain`; `jwt_config` for the drop-in block. */
  id: string
  keys: readonly VerificationKey[]
  algorithms: ReadonlySet<AlgorithmName>
  /** The claim that names the user. */
  subjectClaim: string
  /** When set, `iss` is required and must be exactly this. */
  issuer: string | undefined
  /** When set, `aud` is required and must hold one of these; when not set, a token that carries `aud` is refused. */
  audiences: readonly string[] | undefined
  /** How far clocks may differ, in seconds. */
  leeway: number
  /** Whether a token without `exp` is refused. */
  requireExpiry: boolean
}

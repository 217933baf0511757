import type { AlgorithmName } from './algorithms.ts'
import type { VerificationKey } from './keys.ts'

/** Where published keys are read: at an address, or where the issuer's discovery document says. */
export type Remote = ({ readonly uri: string } | { readonly issuer: string }) & {
  /** How often they are read again, in ms. */
  readonly refresh: number
}

/** Whoever signs tokens that we take: its keys, and the rules its tokens must keep. */
export interface JwtProvider {
  /** Names the provider in identities, logs and `auth explain`; `jwt_config` for the drop-in block. */
  readonly id: string
  /** The keys that are configured. */
  readonly keys: readonly VerificationKey[]
  readonly remote: Remote | undefined
  readonly algorithms: ReadonlySet<AlgorithmName>
  /** The claim that names the user. */
  readonly subjectClaim: string
  /** When set, `iss` is required and must be exactly this. */
  readonly issuer: string | undefined
  /** `aud` is required and must hold one of these; undefined: a token that carries `aud` is refused; `any`: it is not looked at. */
  readonly audiences: readonly string[] | 'any' | undefined
  /** When set, `azp` or `client_id` is required and must be one of these. */
  readonly authorizedParties: readonly string[] | undefined
  /** When set, the header's `typ` is required and must be one of these. */
  readonly tokenTypes: readonly string[] | undefined
  /** How far clocks may differ, in seconds. */
  readonly leeway: number
  /** How old a token may be by its `iat`, in seconds; undefined: `iat` need not be there. */
  readonly maxAge: number | undefined
  /** Whether a token without `exp` is refused. */
  readonly requireExpiry: boolean
  /** Whether a token is good once, by its `jti`. */
  readonly oneTime: boolean
  /** Whether a token is itself an access token. */
  readonly bearer: boolean
  /** A path to the claim that names the device of such a token. */
  readonly deviceClaim: string | undefined
  /** Whether it is the drop-in block, whose tokens may lack what a native provider can count on. */
  readonly dropIn: boolean
}

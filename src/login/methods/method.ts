import type { JsonObject } from '../../matrix/json.ts'
import type { CredentialDeps, Origin } from '../password/credentials.ts'
import type { LoginParts } from '../deps.ts'
import type { Arrival, Identity } from '../../identity/index.ts'
import type { Account } from '../../users/index.ts'
import type { ProviderSession } from '../../sessions/index.ts'

/** What the methods take. */
export type MethodDeps = CredentialDeps & Pick<LoginParts, 'logger' | 'appservices'>

/** Whose credential it is: somebody of a provider, or an account of ours. */
export type Verified =
  | { readonly identity: Identity; readonly arrival: Arrival }
  | { readonly account: Account; readonly from?: ProviderSession | undefined; readonly until?: number | undefined }

/** One way to sign in: a line of `GET /login`, and what `POST /login` does with that type. */
export interface Method {
  /** The names it is asked for by. `GET /login` lists the first; the others are old spellings. */
  readonly types: readonly [string, ...string[]]
  /** What `GET /login` says besides the type. */
  readonly details?: Readonly<Record<string, unknown>>
  /** Whether its credentials can be guessed: attempts are then counted whatever comes of them. */
  readonly guessable: boolean
  /** Whether the configuration offers it. */
  enabled(context: MethodDeps): boolean
  /** Whose credential it is. Throws the refusal. The account gate comes after, and is not its affair. */
  verify(context: MethodDeps, body: JsonObject, origin: Origin): Verified | Promise<Verified>
}

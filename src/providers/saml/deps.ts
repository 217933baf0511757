import type { Config } from '../../config/index.ts'
import type { Outgoing } from '../../http/index.ts'

/** An entry of `identity_providers` of type `saml`. */
export type SamlConfig = Extract<Config['identity_providers'][number], { type: 'saml' }>

/** What talking to the provider takes. */
export interface SamlDeps {
  readonly outgoing: Outgoing
  readonly now: () => number
  readonly randomId: () => string
  /** Where the provider sends people back to. */
  readonly callback: string
  /** Notes, for good, that something was used, until it runs out (ms). False when it was used before. */
  readonly useOnce: (what: string, expires: number) => Promise<boolean>
}

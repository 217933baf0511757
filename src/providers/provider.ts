import type { Config, Finding } from '../config/index.ts'
import type { Outgoing } from '../http/index.ts'
import type { Asker, Policy } from '../identity/index.ts'
import type { Database } from '../storage/index.ts'
import type { BrowserProvider } from './browser.ts'
import type { JwtProvider } from './jwt/provider.ts'
import type { Directory } from './ldap/directory.ts'

/** Whoever vouches for people: an entry of `identity_providers`, or the drop-in block. What it cannot do is left out. */
export interface Provider {
  readonly id: string
  /** It signs tokens that are taken here. */
  readonly tokens?: JwtProvider
  /** People are sent to it with their browser. */
  readonly browser?: BrowserProvider
  /** It knows people's passwords. */
  readonly directory?: Directory
  /** It can be asked whether sessions of its still stand. */
  readonly asker?: Asker | undefined
}

/** The settings that say whom to believe. */
export type ProviderSettings = Pick<Config, 'jwt_config' | 'identity_providers' | 'public_base_url'>

/** What making providers of the settings takes. */
export interface KindDeps {
  readonly database: Database
  readonly config: ProviderSettings
  /** What the operator has settled about the people of each provider, by its id. */
  readonly policies: ReadonlyMap<string, Policy>
  /** How providers are asked for keys, tokens and what else they say. */
  readonly outgoing: Outgoing
  readonly now: () => number
  readonly randomId: () => string
}

/** A kind of provider: a folder, and a word in `kinds.ts`. */
export interface Kind {
  /** What is wrong with the settings of its providers, or worth a word. */
  checks(config: Omit<ProviderSettings, 'public_base_url'>, now: number): Finding[]
  /** Its providers that are configured. */
  open(deps: KindDeps): Promise<Provider[]>
}

/** Where a provider sends people back to. */
export const callbackOf = ({ public_base_url: url }: ProviderSettings, id: string): string =>
  `${url ?? ''}/_latchkey/sso/${id}/callback`

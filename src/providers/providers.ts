import { type Arrival, type Asker, dropInIdOf, type Identity, type Origin } from '../identity/index.ts'
import type { Account } from '../users/index.ts'
import { type Bearer, createBearer, openRevocations } from './bearer/index.ts'
import type { BrowserProvider } from './browser.ts'
import type { ProviderParts, ProvidersDeps } from './deps.ts'
import { type Explanation, withOutlook } from './explain.ts'
import {
  explainToken,
  type JwtCredential,
  keepKeys,
  openKeyring,
  readKeptKeys,
  verifyJwtCredential,
} from './jwt/index.ts'
import { kinds } from './kinds.ts'
import { askDirectories, startPolls } from './ldap/index.ts'
import type { Provider } from './provider.ts'
import { explainResponse } from './saml/index.ts'

/** Those who vouch for people here. */
export interface Providers extends Disposable {
  readonly all: readonly Provider[]
  /** Those that people are sent to with their browser. */
  readonly browser: readonly BrowserProvider[]
  /** Whether any signs tokens that are taken here. */
  readonly takesTokens: boolean
  /** Where people get such tokens in a browser. `people` is what their links are kept under. */
  readonly tokenPages: readonly TokenPage[]
  /** The ids of those that know people's passwords. */
  readonly directories: readonly string[]
  /** Those that can be asked whether sessions of theirs still stand. */
  readonly askers: readonly Asker[]
  /** Tokens of providers that are access tokens themselves. */
  readonly bearer: Bearer
  /** What becomes of a token, or of what a SAML provider sends. Changes nothing; undefined where nobody's tokens are taken. */
  explain(token: string): Promise<Explanation | undefined>
  /** Whom a JWT speaks for, and how it arrived. @throws MatrixError M_FORBIDDEN, M_LIMIT_EXCEEDED */
  verifyToken(token: unknown, origin: Origin): Promise<JwtCredential>
  /**
   * Whose name and password these are at a directory; undefined when none takes them.
   * @param account the account of ours that has the name, if there is one
   * @throws MatrixError 503 when a directory could not be asked, and no other one takes them
   */
  verifyPassword(
    name: string,
    password: string,
    account: Account | undefined,
    origin: Origin,
  ): Promise<{ identity: Identity; arrival: Arrival } | undefined>
}

/** A page of an operator, where people get a token. */
export interface TokenPage {
  readonly provider: string
  readonly people: string
  readonly name: string
  readonly href: string
}

const tokenPagesOf = ({ config, identities }: Pick<ProvidersDeps, 'config' | 'identities'>): TokenPage[] =>
  [
    ...config.identity_providers.flatMap((entry) =>
      entry.type === 'jwt' && entry.sign_in_page !== undefined
        ? [{ provider: entry.id, name: entry.name ?? entry.id, href: entry.sign_in_page }]
        : [],
    ),
    ...(config.jwt_config.enabled && config.jwt_config.sign_in_page !== undefined
      ? [
          {
            provider: dropInIdOf(config.jwt_config),
            name: new URL(config.jwt_config.sign_in_page).host,
            href: config.jwt_config.sign_in_page,
          },
        ]
      : []),
  ].map((page) => ({ ...page, people: identities.policyFor(page.provider).people }))

/** Opens the providers of the settings. What is wrong with these `providerFindings` says before. */
export const openProviders = async (deps: ProvidersDeps): Promise<Providers> => {
  const { database, identities } = deps
  const open = { ...deps, policies: identities.policies }
  const place = new Map(deps.config.identity_providers.map(({ id }, index) => [id, index]))
  const placeOf = ({ id }: Provider): number => place.get(id) ?? place.size
  // In the order of the settings, in which people see them; the drop-in block is last.
  const all = (await Promise.all(kinds.map((kind) => kind.open(open)))).flat().sort((a, b) => placeOf(a) - placeOf(b))
  const keyring = openKeyring(
    { ...deps, kept: await readKeptKeys(database), keep: keepKeys(database) },
    all.flatMap(({ tokens }) => tokens ?? []),
  )
  const directories = all.flatMap(({ directory }) => directory ?? [])
  const parts: ProviderParts = { ...deps, serverName: deps.config.server_name, keyring, directories }
  if (deps.jobs && directories.length > 0) await startPolls(parts, deps.jobs)
  return {
    all,
    browser: all.flatMap(({ browser }) => browser ?? []),
    takesTokens: keyring.providers.length > 0,
    tokenPages: tokenPagesOf(deps),
    directories: directories.map(({ id }) => id),
    askers: all.flatMap(({ asker }) => asker ?? []),
    bearer: createBearer(parts, await openRevocations(database, deps.now)),
    explain: async (token) => {
      const { config, outgoing, now } = deps
      const known = {
        policies: identities.policies,
        serverName: config.server_name,
        entries: config.identity_providers,
      }
      const found =
        (await explainResponse({ ...known, outgoing, now, publicUrl: config.public_base_url }, token)) ??
        (await explainToken({ ...known, keyring }, token))
      return found?.identity ? withOutlook(found, await identities.outlook(found.identity)) : found
    },
    verifyToken: (token, origin) => verifyJwtCredential(parts, token, origin),
    verifyPassword: (name, password, account, origin) => askDirectories(parts, name, password, account, origin),
    [Symbol.dispose]: () => keyring[Symbol.dispose](),
  }
}

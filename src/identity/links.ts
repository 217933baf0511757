import { MatrixError } from '../matrix/errors.ts'
import type { Reader, Tx } from '../storage/index.ts'
import { expireTokens, readDevicesFrom } from '../sessions/index.ts'
import type { IdentityParts } from './deps.ts'
import type { Arrival, Identity } from './identity.ts'
import { checkSubject, labelOf } from './names.ts'
import { policyFor } from './policies.ts'
import { checkRules } from './rules.ts'
import {
  addIdentity,
  type Link,
  type Linked,
  type LinkedBy,
  readIdentity,
  readLinks,
  readPeople,
  readSubjects,
  removeIdentity,
} from './store/links.ts'

type LinkDeps = Pick<IdentityParts, 'database' | 'policies' | 'now' | 'logger'>
type UnlinkDeps = LinkDeps & Pick<IdentityParts, 'users' | 'config' | 'sessions'>
type ImportDeps = Pick<IdentityParts, 'database' | 'policies' | 'now' | 'users'>
/** What links take. */
export type LinksDeps = LinkDeps & UnlinkDeps & ImportDeps

/** Somebody of a provider, by the provider's id and what it calls them. */
export interface Named {
  readonly provider: string
  readonly subject: string
}

/** The people that a provider's id stands for: links are kept under these. @throws MatrixError M_INVALID_PARAM for an unknown id */
const peopleOf = (deps: Pick<IdentityParts, 'policies'>, provider: string): string => {
  const name = ourName(deps, provider)
  if (!deps.policies.has(name))
    throw new MatrixError('M_INVALID_PARAM', `There is no identity provider "${provider.slice(0, 64)}"`)
  return policyFor(deps, name).people
}

/** The id of a provider of this server in a name that others write with the kind in front: `oidc-keycloak`. */
const ourName = ({ policies }: Pick<IdentityParts, 'policies'>, provider: string): string => {
  const bare = /^(?:oidc|saml|cas|jwt)-(.+)$/.exec(provider)?.[1]
  return bare !== undefined && !policies.has(provider) && policies.has(bare) ? bare : provider
}

/** The people of a provider that may be configured no more. */
const peopleOnce = (deps: Pick<IdentityParts, 'policies'>, provider: string): string => {
  const name = ourName(deps, provider)
  return deps.policies.get(name)?.people ?? name
}

/** The ids of the providers that the user can come in by. */
export const linkedProviders = async (
  { database, policies }: Pick<IdentityParts, 'database' | 'policies'>,
  user: number,
): Promise<ReadonlySet<string>> => {
  const people = new Set((await readLinks(database.read, user)).map(({ provider }) => provider))
  return new Set([...policies.values()].filter((policy) => people.has(policy.people)).map(({ id }) => id))
}

/**
 * Links somebody of a provider to an account. Whoever calls this has proof of both sides, or is the operator.
 * @throws MatrixError M_USER_IN_USE when they are linked to another account; M_INVALID_PARAM, M_INVALID_USERNAME
 */
const link = async (
  deps: LinkDeps,
  { provider, subject }: Named,
  user: number,
  by: LinkedBy,
  label?: string,
): Promise<void> => {
  const people = peopleOf(deps, provider)
  checkSubject(subject)
  if (subject === '') throw new MatrixError('M_INVALID_PARAM', 'A subject cannot be empty')
  await deps.database.write((tx) => addIdentity(tx, { provider: people, subject, user, by, now: deps.now(), label }))
  deps.logger.info({ provider: people, user, by }, 'an identity was linked')
}

/**
 * Links whoever a provider has just vouched for to the account of somebody who is signed in, and has confirmed it. The provider's
 * rules hold for them as at a sign-in. @throws MatrixError as `link`, and M_FORBIDDEN
 */
const linkIdentity = async (
  deps: LinkDeps,
  identity: Identity,
  user: number,
  { within }: Pick<Arrival, 'within'> = {},
): Promise<void> => {
  checkRules(policyFor(deps, identity.provider), identity)
  if (within) await deps.database.write(within)
  await link(deps, identity, user, 'user', labelOf(identity))
}

/**
 * Takes a link away; sessions that came of it end, so that their clients have to sign in by another way.
 * @param by `user` cannot take away the last way into the account
 * @throws MatrixError M_NOT_FOUND, M_FORBIDDEN
 */
const unlink = async (deps: UnlinkDeps, named: Named, user: number, by: 'user' | 'operator'): Promise<void> => {
  // A provider that is not configured any more still has links to be taken away.
  const provider = peopleOnce(deps, named.provider)
  const account = await deps.users.account(user)
  const hasPassword = (account?.hasPassword ?? false) && deps.config.password_login
  const devices = await deps.database.write(async (tx) => {
    const links = await readLinks(tx, user)
    const left = links.filter((one) => !(one.provider === provider && one.subject === named.subject))
    if (left.length === links.length) throw new MatrixError('M_NOT_FOUND', 'There is no such link')
    const configured = new Set([...deps.policies.values()].map(({ people }) => people))
    if (by === 'user' && !hasPassword && !left.some((one) => configured.has(one.provider))) {
      throw new MatrixError(
        'M_FORBIDDEN',
        'This is the only way into your account: set a password or link another identity first',
      )
    }
    await removeIdentity(tx, { provider, subject: named.subject, user })
    const ended = (await readDevicesFrom(tx, provider, { subject: named.subject }))
      .filter((one) => one.user === user)
      .map(({ device }) => device)
    await expireTokens(tx, ended, deps.now())
    return ended
  })
  deps.sessions.cache.revokeDevices(devices)
  await deps.sessions.endTicketsFrom(provider, { subject: named.subject })
  // Tokens of the provider that are access tokens themselves have to be looked at anew.
  deps.sessions.cache.revoke(user)
  deps.logger.info({ provider, user, by }, 'an identity was unlinked')
}

/** What became of a list of links. */
export interface Imported {
  readonly linked: number
  /** Those that were there already. */
  readonly kept: number
  /** Those that were not made, with the reason. */
  readonly refused: { readonly line: number; readonly reason: string }[]
}

const atOnce = 500

/**
 * Links many at once, each for itself: one that cannot be made stands in nobody's way.
 * @param wanted `user` is a localpart
 */
const importLinks = async (
  deps: ImportDeps,
  wanted: readonly (Named & { line: number; user: string })[],
): Promise<Imported> => {
  const refused: Imported['refused'] = []
  let [linked, kept] = [0, 0]
  for (let start = 0; start < wanted.length; start += atOnce) {
    const batch = await Promise.all(
      wanted
        .slice(start, start + atOnce)
        .map(async (one) => ({ ...one, account: await deps.users.findByLocalpart(one.user) })),
    )
    await deps.database.write(async (tx) => {
      for (const { line, provider, subject, user, account } of batch) {
        try {
          const people = peopleOf(deps, provider)
          checkSubject(subject)
          if (!account) throw new MatrixError('M_NOT_FOUND', `There is no user "${user}"`)
          const there = (await readIdentity(tx, people, subject)) === account.nid
          await addIdentity(tx, { provider: people, subject, user: account.nid, by: 'import', now: deps.now() })
          if (there) kept++
          else linked++
        } catch (error) {
          if (!(error instanceof MatrixError)) throw error
          refused.push({ line, reason: error.message })
        }
      }
    })
  }
  return { linked, kept, refused: refused.sort((a, b) => a.line - b.line) }
}

/** Who people are at the identity providers. Links are kept under a provider's people, who may be those of another one, too. */
export interface Links {
  /** Everybody whom a user is at the providers, in the order in which they were linked. */
  of(user: number, db?: Reader | Tx): Promise<Link[]>
  /** The ids of the providers that the user can come in by. */
  providersOf(user: number): Promise<ReadonlySet<string>>
  /**
   * Links somebody to an account. Whoever calls this has proof of both sides, or is the operator.
   * `label` is what people know them by. @throws MatrixError M_USER_IN_USE when they are linked to another account; M_INVALID_PARAM, M_INVALID_USERNAME
   */
  add(user: number, named: Named, by: LinkedBy, label?: string): Promise<void>
  /** Links whoever a provider has just vouched for, whose rules hold as at a sign-in. @throws MatrixError as `add`, and M_FORBIDDEN */
  addVouched(user: number, identity: Identity, arrival: Pick<Arrival, 'within'>): Promise<void>
  /**
   * Takes a link away; sessions that came of it end. `user` cannot take away the last way into the account.
   * @throws MatrixError M_NOT_FOUND, M_FORBIDDEN
   */
  remove(user: number, named: Named, by: 'user' | 'operator'): Promise<void>
  /** Each for itself. `user` is a localpart, `line` says which one it is in what is answered. */
  import(wanted: readonly (Named & { line: number; user: string })[]): Promise<Imported>
  /** The short id of the user whom somebody of a provider is linked to. */
  linkedTo(named: Named): Promise<number | undefined>
  /** The short id of the user whom the people of a provider have under the subject. */
  userOf(people: string, subject: string): Promise<number | undefined>
  /** The subjects of a provider's people that mean the user. */
  subjectsOf(people: string, user: number): Promise<string[]>
  /** Every link of a provider's people to an account that is not deactivated. */
  everybody(people: string): Promise<Linked[]>
}

/** Links, as the rest of the server asks for them. */
export const openLinks = (deps: LinksDeps): Links => {
  const { read } = deps.database
  return {
    of: (user, db = read) => readLinks(db, user),
    providersOf: (user) => linkedProviders(deps, user),
    add: (user, named, by, label) => link(deps, named, user, by, label),
    addVouched: (user, identity, arrival) => linkIdentity(deps, identity, user, arrival),
    remove: (user, named, by) => unlink(deps, named, user, by),
    import: (wanted) => importLinks(deps, wanted),
    linkedTo: ({ provider, subject }) => readIdentity(read, peopleOnce(deps, provider), subject),
    userOf: (people, subject) => readIdentity(read, people, subject),
    subjectsOf: (people, user) => readSubjects(read, people, user),
    everybody: (people) => readPeople(read, people),
  }
}

import { MatrixError } from '../matrix/errors.ts'
import type { Reader, Tx } from '../storage/index.ts'
import type { LoginContext } from '../login/deps.ts'
import { expireTokens, readDevicesFrom } from '../sessions/index.ts'
import type { Arrival, Identity } from './identity.ts'
import { checkRules, checkSubject, policyFor } from './resolve.ts'
import { addIdentity, type Link, type LinkedBy, readIdentity, readLinks, removeIdentity } from './store/links.ts'

/** Somebody of a provider, by the provider's id and what it calls them. */
export interface Named {
  readonly provider: string
  readonly subject: string
}

/** The people that a provider's id stands for: links are kept under these. @throws MatrixError M_INVALID_PARAM for an unknown id */
const peopleOf = (context: LoginContext, provider: string): string => {
  const name = ourName(context, provider)
  if (!context.policies.has(name))
    throw new MatrixError('M_INVALID_PARAM', `There is no identity provider "${provider.slice(0, 64)}"`)
  return policyFor(context, name).people
}

/** Everybody whom a user is at the providers, in the order in which they were linked. */
export const linksOf = (
  context: LoginContext,
  user: number,
  db: Reader | Tx = context.database.read,
): Promise<Link[]> => readLinks(db, user)

/** The id of a provider of this server in a name that others write with the kind in front: `oidc-keycloak`. */
const ourName = ({ policies }: LoginContext, provider: string): string => {
  const bare = /^(?:oidc|saml|cas|jwt)-(.+)$/.exec(provider)?.[1]
  return bare !== undefined && !policies.has(provider) && policies.has(bare) ? bare : provider
}

/** The account that somebody of a provider is linked to. */
export const linkedUser = (context: LoginContext, { provider, subject }: Named): Promise<number | undefined> => {
  const name = ourName(context, provider)
  return readIdentity(context.database.read, context.policies.get(name)?.people ?? name, subject)
}

/** The ids of the providers that the user can come in by. */
export const linkedProviders = async (
  context: LoginContext,
  db: Reader | Tx,
  user: number,
): Promise<ReadonlySet<string>> => {
  const people = new Set((await readLinks(db, user)).map(({ provider }) => provider))
  return new Set([...context.policies.values()].filter((policy) => people.has(policy.people)).map(({ id }) => id))
}

/**
 * Links somebody of a provider to an account. Whoever calls this has proof of both sides, or is the operator.
 * @throws MatrixError M_USER_IN_USE when they are linked to another account; M_INVALID_PARAM, M_INVALID_USERNAME
 */
export const link = async (
  context: LoginContext,
  { provider, subject }: Named,
  user: number,
  by: LinkedBy,
): Promise<void> => {
  const people = peopleOf(context, provider)
  checkSubject(subject)
  if (subject === '') throw new MatrixError('M_INVALID_PARAM', 'A subject cannot be empty')
  await context.database.write((tx) => addIdentity(tx, { provider: people, subject, user, by, now: context.now() }))
  context.logger.info({ provider: people, user, by }, 'an identity was linked')
}

/**
 * Links whoever a provider has just vouched for to the account of somebody who is signed in, and has confirmed it. The provider's
 * rules hold for them as at a sign-in. @throws MatrixError as `link`, and M_FORBIDDEN
 */
export const linkIdentity = async (
  context: LoginContext,
  identity: Identity,
  user: number,
  { within }: Pick<Arrival, 'within'> = {},
): Promise<void> => {
  checkRules(policyFor(context, identity.provider), identity)
  if (within) await context.database.write(within)
  await link(context, identity, user, 'user')
}

/**
 * Takes a link away; sessions that came of it end, so that their clients have to sign in by another way.
 * @param by `user` cannot take away the last way into the account
 * @throws MatrixError M_NOT_FOUND, M_FORBIDDEN
 */
export const unlink = async (
  context: LoginContext,
  named: Named,
  user: number,
  by: 'user' | 'operator',
): Promise<void> => {
  // A provider that is not configured any more still has links to be taken away.
  const name = ourName(context, named.provider)
  const provider = context.policies.get(name)?.people ?? name
  const account = await context.users.account(user)
  const hasPassword = (account?.hasPassword ?? false) && context.config.password_login
  const devices = await context.database.write(async (tx) => {
    const links = await readLinks(tx, user)
    const left = links.filter((one) => !(one.provider === provider && one.subject === named.subject))
    if (left.length === links.length) throw new MatrixError('M_NOT_FOUND', 'There is no such link')
    const configured = new Set([...context.policies.values()].map(({ people }) => people))
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
    await expireTokens(tx, ended, context.now())
    return ended
  })
  context.sessions.cache.revokeDevices(devices)
  // Tokens of the provider that are access tokens themselves have to be looked at anew.
  context.sessions.cache.revoke(user)
  context.logger.info({ provider, user, by }, 'an identity was unlinked')
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
export const importLinks = async (
  context: LoginContext,
  wanted: readonly (Named & { line: number; user: string })[],
): Promise<Imported> => {
  const refused: Imported['refused'] = []
  let [linked, kept] = [0, 0]
  for (let start = 0; start < wanted.length; start += atOnce) {
    const batch = await Promise.all(
      wanted
        .slice(start, start + atOnce)
        .map(async (one) => ({ ...one, account: await context.users.findByLocalpart(one.user) })),
    )
    await context.database.write(async (tx) => {
      for (const { line, provider, subject, user, account } of batch) {
        try {
          const people = peopleOf(context, provider)
          checkSubject(subject)
          if (!account) throw new MatrixError('M_NOT_FOUND', `There is no user "${user}"`)
          const there = (await readIdentity(tx, people, subject)) === account.nid
          await addIdentity(tx, { provider: people, subject, user: account.nid, by: 'import', now: context.now() })
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

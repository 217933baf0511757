import { MatrixError } from '../matrix/errors.ts'
import { mapToLocalpart } from '../matrix/ids.ts'
import type { Tx } from '../storage/index.ts'
import type { Account } from '../users/index.ts'
import { renderFirst } from './claims/index.ts'
import type { IdentityParts } from './deps.ts'
import type { Arrival, Identity } from './identity.ts'
import { checkSubject, nameFor, shownName, userIdOf } from './names.ts'
import { policyFor } from './policies.ts'
import type { Policy } from './policy.ts'
import { checkRules } from './rules.ts'
import { addIdentity, readIdentity, readLinks, readSubjects } from './store/links.ts'

/** What turning an identity into an account takes. */
export type ResolveDeps = Pick<IdentityParts, 'database' | 'users' | 'serverName' | 'isExclusive' | 'policies' | 'now'>

/** An account that is there, or what to do in the sign-in's own write to have one, or to link it. */
export interface Resolved {
  account: Account | undefined
  /** Runs in the write that opens the session; undefined when nothing is left to do. */
  settle: ((tx: Tx) => Promise<Account>) | undefined
}

const checkName = (deps: ResolveDeps, userId: string): void => {
  if (deps.isExclusive(userId)) throw new MatrixError('M_EXCLUSIVE', 'This name is kept for an application service')
}

const lower = (text: string): string => text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase())
/** ASCII only: Unicode would make a "k" of the Kelvin sign, and an account somebody else's. */
const differsInCaseOnly = (a: string, b: string): boolean => lower(a) === lower(b)

/** Whether a provider other than these people's vouches for the account: nobody takes it over by having its name. */
const isVouchedForElsewhere = async (deps: ResolveDeps, policy: Policy, account: Account): Promise<boolean> =>
  (await readLinks(deps.database.read, account.nid)).some(({ provider }) => provider !== policy.people)

/** Whose the account is, as far as this provider's identities say: this subject's, another's, or nobody's. */
const ownerOf = async (
  deps: ResolveDeps,
  policy: Policy,
  subject: string,
  account: Account,
): Promise<'theirs' | 'another' | 'nobody'> => {
  const subjects = await readSubjects(deps.database.read, policy.people, account.nid)
  if (subjects.length === 0) return 'nobody'
  return policy.caseless && subjects.every((other) => differsInCaseOnly(other, subject)) ? 'theirs' : 'another'
}

/**
 * The account of an identity that is not linked yet. An account that has the subject for a name is theirs unless it is known to be
 * another's: the account that was made for "a:b" is called "a=3ab", and whoever has just that for a subject is somebody else. An
 * account that has the escaped subject for a name is theirs only if it was made for them.
 */
const accountNamed = async (
  deps: ResolveDeps,
  policy: Policy,
  subject: string,
  name: string,
  proven: number | undefined,
): Promise<Account | undefined> => {
  const literal = policy.taken === 'adopt' ? await deps.users.findByLocalpart(subject) : undefined
  if (
    literal &&
    differsInCaseOnly(literal.localpart, subject) &&
    (await ownerOf(deps, policy, subject, literal)) !== 'another' &&
    !(await isVouchedForElsewhere(deps, policy, literal))
  )
    return literal
  const mapped = await deps.users.findByLocalpart(mapToLocalpart(name))
  if (!mapped || (await ownerOf(deps, policy, subject, mapped)) === 'theirs') return mapped
  if (policy.taken === 'link' && mapped.nid === proven) return mapped
  throw new MatrixError('M_FORBIDDEN', 'The name that you would have here belongs to another account', {
    extra: policy.taken === 'link' ? { code: 'link_needed', user_id: mapped.userId } : { code: 'name_taken' },
  })
}

/** Finds the account of an identity, or says how it is to be made. Throws for a subject that cannot have one. */
export const resolveIdentity = async (
  deps: ResolveDeps,
  identity: Identity,
  arrival: Pick<Arrival, 'proven'> = {},
): Promise<Resolved> => {
  const { users } = deps
  const policy = policyFor(deps, identity.provider)
  const { subject } = identity
  checkSubject(subject)
  checkRules(policy, identity)
  const linked = await readIdentity(deps.database.read, policy.people, subject)
  const known = linked === undefined ? undefined : await users.account(linked)
  if (known) {
    checkName(deps, known.userId)
    return { account: known, settle: undefined }
  }
  const name = nameFor(policy, identity)
  checkName(deps, userIdOf(name, deps.serverName))
  const link = async (tx: Tx, account: Account): Promise<Account> => {
    await addIdentity(tx, { provider: policy.people, subject, user: account.nid, by: 'sign-in', now: deps.now() })
    return account
  }
  const named = await accountNamed(deps, policy, subject, name, arrival.proven)
  if (named) {
    checkName(deps, named.userId)
    return { account: named, settle: (tx) => link(tx, named) }
  }
  if (!policy.registration) {
    throw new MatrixError('M_FORBIDDEN', 'You have no account here yet, and an administrator has to make one first', {
      extra: { code: 'no_account' },
    })
  }
  const shown = renderFirst(policy.fields.display_name, identity.claims)
  const account = {
    localpart: mapToLocalpart(name),
    createdBy: identity.provider,
    displayName: shown === undefined ? null : shownName(shown),
  }
  return { account: undefined, settle: async (tx) => link(tx, await users.create(tx, account)) }
}

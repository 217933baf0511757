import { MatrixError } from '../../matrix/errors.ts'
import { makeUserId, mapToLocalpart } from '../../matrix/ids.ts'
import type { Tx } from '../../storage/index.ts'
import type { Account } from '../../users/index.ts'
import type { LoginContext } from '../deps.ts'
import { addIdentity, readIdentity, readSubjects } from '../store.ts'
import type { Arrival, Identity } from './identity.ts'
import type { Policy } from './policy.ts'

/** What turning an identity into an account takes. */
export type ResolveDeps = Pick<LoginContext, 'database' | 'users' | 'serverName' | 'isExclusive' | 'policies'>

/** An account that is there, or what to do in the sign-in's own write to have one, or to link it. */
export interface Resolved {
  account: Account | undefined
  /** Runs in the write that opens the session; undefined when nothing is left to do. */
  settle: ((tx: Tx) => Promise<Account>) | undefined
}

const checkName = (deps: ResolveDeps, userId: string): void => {
  if (deps.isExclusive(userId)) throw new MatrixError('M_EXCLUSIVE', 'This name is kept for an application service')
}

/**
 * The user id that a subject becomes if there is no account yet. Throws M_INVALID_USERNAME, with the reason, for a subject that
 * cannot name a user.
 */
export const userIdOf = (subject: string, serverName: string): string => {
  const localpart = mapToLocalpart(subject)
  if (localpart.startsWith('_')) throw new MatrixError('M_INVALID_USERNAME', 'A user name cannot start with "_"')
  return makeUserId(localpart, serverName)
}

const lower = (text: string): string => text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase())
/** ASCII only: Unicode would make a "k" of the Kelvin sign, and an account somebody else's. */
const differsInCaseOnly = (a: string, b: string): boolean => lower(a) === lower(b)

/** Whose the account is, as far as this provider's identities say: this subject's (in whatever letter case), another's, or nobody's. */
const ownerOf = async (deps: ResolveDeps, { provider, subject }: Identity, account: Account): Promise<'theirs' | 'another' | 'nobody'> => {
  const subjects = await readSubjects(deps.database.read, provider, account.nid)
  if (subjects.length === 0) return 'nobody'
  return subjects.every((other) => differsInCaseOnly(other, subject)) ? 'theirs' : 'another'
}

/**
 * The account of an identity that is not linked yet. An account that has the subject for a name is theirs unless it is known to be
 * another's: the account that was made for "a:b" is called "a=3ab", and whoever has just that for a subject is somebody else. An
 * account that has the escaped subject for a name is theirs only if it was made for them.
 */
const accountNamed = async (
  deps: ResolveDeps, identity: Identity, policy: Policy, localpart: string, proven: number | undefined,
): Promise<Account | undefined> => {
  const { subject } = identity
  const literal = policy.taken === 'adopt' ? await deps.users.findByLocalpart(subject) : undefined
  if (literal && differsInCaseOnly(literal.localpart, subject) && await ownerOf(deps, identity, literal) !== 'another') return literal
  const mapped = await deps.users.findByLocalpart(localpart)
  if (!mapped || await ownerOf(deps, identity, mapped) === 'theirs') return mapped
  if (policy.taken === 'link' && mapped.nid === proven) return mapped
  throw new MatrixError('M_FORBIDDEN', 'The name that this token would have here belongs to another account', {
    extra: policy.taken === 'link' ? { code: 'link_needed', user_id: mapped.userId } : { code: 'name_taken' },
  })
}

const policyOf = ({ policies }: ResolveDeps, provider: string): Policy => {
  const policy = policies.get(provider)
  if (!policy) throw new Error(`There is no identity provider "${provider}"`)
  return policy
}

/** Finds the account of an identity, or says how it is to be made. Throws for a subject that cannot have one. */
export const resolveIdentity = async (deps: ResolveDeps, identity: Identity, arrival: Pick<Arrival, 'proven'> = {}): Promise<Resolved> => {
  const { users } = deps
  const policy = policyOf(deps, identity.provider)
  // Neither survives the way into a database as it is: one would be refused there, the other would become another subject.
  if (identity.subject.includes('\0') || !identity.subject.isWellFormed()) {
    throw new MatrixError('M_INVALID_USERNAME', 'A user name cannot have a NUL character or half a surrogate pair')
  }
  const linked = await readIdentity(deps.database.read, identity.provider, identity.subject)
  const known = linked === undefined ? undefined : await users.account(linked)
  if (known) {
    checkName(deps, known.userId)
    return { account: known, settle: undefined }
  }
  const userId = userIdOf(identity.subject, deps.serverName)
  checkName(deps, userId)
  const link = async (tx: Tx, account: Account): Promise<Account> => {
    await addIdentity(tx, { provider: identity.provider, subject: identity.subject, user: account.nid })
    return account
  }
  const localpart = mapToLocalpart(identity.subject)
  const named = await accountNamed(deps, identity, policy, localpart, arrival.proven)
  if (named) {
    checkName(deps, named.userId)
    return { account: named, settle: (tx) => link(tx, named) }
  }
  if (!policy.registration) throw new MatrixError('M_FORBIDDEN', 'You have no account here yet, and your administrator has to make one first')
  const displayName = policy.displayName(identity.claims) ?? null
  return { account: undefined, settle: async (tx) => link(tx, await users.create(tx, { localpart, createdBy: identity.provider, displayName })) }
}

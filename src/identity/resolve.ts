import { MatrixError } from '../matrix/errors.ts'
import { localpartOf, mapToLocalpart } from '../matrix/ids.ts'
import type { Tx } from '../storage/index.ts'
import { type Account, isReservedName, madeByServer } from '../users/index.ts'
import { renderFirst } from './claims/index.ts'
import type { IdentityParts } from './deps.ts'
import type { Arrival, Identity } from './identity.ts'
import { checkSubject, labelOf, nameFor, shownName, userIdOf } from './names.ts'
import { policyFor } from './policies.ts'
import { accountNamed } from './ownership.ts'
import { checkRules } from './rules.ts'
import { addIdentity, readIdentity, removeIdentities } from './store/links.ts'

/** What turning an identity into an account takes. */
export type ResolveDeps = Pick<IdentityParts, 'database' | 'users' | 'serverName' | 'isExclusive' | 'policies' | 'now'>

/** An account that is there, or what to do in the sign-in's own write to have one, or to link it. */
export interface Resolved {
  account: Account | undefined
  /** Whether it was another's until now, whose sessions are to end: see ownership.ts. */
  handedOver: boolean
  /** Runs in the write that opens the session; undefined when nothing is left to do. */
  settle: ((tx: Tx) => Promise<Account>) | undefined
}

/** @param account the one that has the name already */
const checkName = (deps: ResolveDeps, userId: string, account?: Account): void => {
  if (account ? account.createdBy === madeByServer : isReservedName(localpartOf(userId)))
    throw new MatrixError('M_EXCLUSIVE', 'This name is the server’s own')
  if (deps.isExclusive(userId)) throw new MatrixError('M_EXCLUSIVE', 'This name is kept for an application service')
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
    checkName(deps, known.userId, known)
    return { account: known, handedOver: false, settle: undefined }
  }
  const name = nameFor(policy, identity)
  checkName(deps, userIdOf(name, deps.serverName))
  const link = async (tx: Tx, account: Account, given?: string): Promise<Account> => {
    const who = { provider: policy.people, subject, user: account.nid }
    await addIdentity(tx, { ...who, by: 'sign-in', now: deps.now(), name: given, label: labelOf(identity) })
    return account
  }
  const named = await accountNamed(deps, { policy, subject, name, proven: arrival.proven })
  if (named) {
    const { account, handedOver } = named
    checkName(deps, account.userId, account)
    const settle = async (tx: Tx): Promise<Account> => {
      if (handedOver) await removeIdentities(tx, account.nid)
      return link(tx, account)
    }
    return { account, handedOver, settle }
  }
  if (!policy.registration) {
    throw new MatrixError('M_FORBIDDEN', 'You have no account here yet, and an administrator has to make one first', {
      extra: { code: 'no_account' },
    })
  }
  const told = renderFirst(policy.fields.display_name, identity.claims)
  const given = told === undefined ? undefined : shownName(told)
  const account = {
    localpart: mapToLocalpart(name),
    createdBy: identity.provider,
    displayName: given ?? null,
  }
  const settle = async (tx: Tx): Promise<Account> => link(tx, await users.create(tx, account), given)
  return { account: undefined, handedOver: false, settle }
}

import { MatrixError } from '../matrix/errors.ts'
import type { LogTx } from '../streams/index.ts'
import { type Account, gate, type Purpose } from '../users/index.ts'
import type { Opened, WantedSession } from '../sessions/index.ts'
import { applyClaims, type ApplyDeps } from './apply.ts'
import type { IdentityParts } from './deps.ts'
import type { Arrival, Identity } from './identity.ts'
import { policyFor } from './policies.ts'
import { type Resolved, type ResolveDeps, resolveIdentity } from './resolve.ts'
import { RuleBroken } from './rules.ts'

type RefusableDeps = ResolveDeps & Pick<IdentityParts, 'logger' | 'count'>
type HandOverDeps = { readonly sessions: Pick<IdentityParts['sessions'], 'endAll'> }
/** What letting somebody in takes. */
export type EnterDeps = RefusableDeps & ApplyDeps & HandOverDeps & Pick<IdentityParts, 'log'>
/** What a sign-in takes. */
export type SignInDeps = RefusableDeps & ApplyDeps & Pick<IdentityParts, 'sessions' | 'standing'>

const isTaken = (error: unknown): boolean => error instanceof MatrixError && error.errcode === 'M_USER_IN_USE'

/** When another request has made the account in that moment, the second look finds it. */
const twice = async <T>(attempt: () => Promise<T>): Promise<T> => {
  try {
    return await attempt()
  } catch (error) {
    if (!isTaken(error)) throw error
    return attempt()
  }
}

/** The account of an identity, or how it is made. A refusal goes to the log with the provider and the rule behind it. */
const resolve = async (deps: RefusableDeps, identity: Identity, arrival: Arrival): Promise<Resolved> => {
  try {
    return await resolveIdentity(deps, identity, arrival)
  } catch (error) {
    if (!(error instanceof MatrixError)) throw error
    const rule = error instanceof RuleBroken ? error.rule.text : undefined
    const details = {
      trace: arrival.trace,
      provider: identity.provider,
      key: arrival.key,
      code: error.body()['code'] ?? error.errcode,
      reason: error.message,
    }
    deps.logger.info(
      { ...details, ...(rule !== undefined && { rule }) },
      'somebody whom an identity provider vouches for was refused',
    )
    deps.count?.({ provider: identity.provider, key: arrival.key, refusedBy: rule ?? error.errcode })
    throw arrival.trace === undefined ? error : error.with({ trace: arrival.trace })
  }
}

/** What was opened in an account for trying it out is not for whoever has it from now on. */
const endTrial = async (deps: HandOverDeps, { account, handedOver }: Resolved, purpose: Purpose): Promise<void> => {
  if (!handedOver || !account) return
  gate(account, purpose)
  await deps.sessions.endAll(account.nid)
}

/** Whether nobody has had the account so far. */
const isNew = ({ account, handedOver }: Resolved): boolean => !account || handedOver

/** What is done in the write that lets somebody in: what they brought is used up, and their account made or linked. */
const settleIn =
  (arrival: Arrival, { account, settle }: Resolved) =>
  async (tx: LogTx): Promise<Account> => {
    await arrival.within?.(tx.sql)
    const settled = settle ? await settle(tx.sql) : account
    if (!settled) throw new Error('There is neither an account nor a way to make one')
    return settled
  }

/**
 * The whole way in of whoever a provider vouches for: rules, account (found, linked or made), gate, session, claims applied. The
 * account of an unknown identity is made in the same write as its first session.
 * @throws MatrixError for who may not come in: M_FORBIDDEN, M_INVALID_USERNAME, M_EXCLUSIVE, M_USER_DEACTIVATED, M_USER_LOCKED
 */
export const signIn = async (
  deps: SignInDeps,
  identity: Identity,
  arrival: Arrival,
  wanted: WantedSession,
): Promise<Opened> => {
  const policy = policyFor(deps, identity.provider)
  const from = { provider: policy.people, subject: identity.subject, sid: arrival.sid }
  await deps.standing().begin(identity.provider, from, arrival.evidence)
  const until = policy.capped ? arrival.expires : undefined
  const { opened, user, made } = await twice(async () => {
    const resolved = await resolve(deps, identity, arrival)
    await endTrial(deps, resolved, 'login')
    const settle = settleIn(arrival, resolved)
    let user = resolved.account
    const opened = await deps.sessions.open(resolved.account, async (tx) => (user = await settle(tx)), {
      ...wanted,
      from,
      until,
    })
    return { opened, user, made: isNew(resolved) }
  })
  const { trace, key } = arrival
  deps.logger.info(
    { trace, provider: identity.provider, key, user: opened.userId, device: opened.deviceId, made },
    'somebody signed in',
  )
  deps.count?.({ provider: identity.provider, key })
  if (user) await applyClaims(deps, identity, user, made)
  return opened
}

/**
 * The same way without a session: for who is handed over to a client first (SSO, which ends in a login token), or needs none of ours.
 * @param purpose what the account is to be let in for
 * @throws MatrixError as `signIn`
 */
export const enter = async (
  deps: EnterDeps,
  identity: Identity,
  arrival: Arrival,
  purpose: Purpose,
): Promise<Account> => {
  const { account, made } = await twice(async () => {
    const resolved = await resolve(deps, identity, arrival)
    if (resolved.account) gate(resolved.account, purpose)
    await endTrial(deps, resolved, purpose)
    const settled =
      resolved.account && !resolved.settle && !arrival.within
        ? resolved.account
        : await deps.log.write(settleIn(arrival, resolved))
    return { account: settled, made: isNew(resolved) }
  })
  await applyClaims(deps, identity, account, made)
  return (await deps.users.account(account.nid)) ?? account
}

/** Lets somebody in who is to get a session later. @throws MatrixError as `signIn` */
export const admit = (deps: EnterDeps, identity: Identity, arrival: Arrival): Promise<Account> =>
  enter(deps, identity, arrival, 'login')

/** The account that an identity has, without making or linking one: for confirming that somebody is still who they were. */
export const accountOf = async (deps: ResolveDeps, identity: Identity): Promise<Account | undefined> =>
  (await resolveIdentity(deps, identity)).account

import { MatrixError } from '../matrix/errors.ts'
import type { LogTx } from '../streams/index.ts'
import { type Account, gate, type Purpose } from '../users/index.ts'
import type { LoginContext } from '../login/deps.ts'
import type { Opened, WantedSession } from '../sessions/index.ts'
import { applyClaims } from './apply.ts'
import type { Arrival, Identity } from './identity.ts'
import { policyFor, type Resolved, resolveIdentity, RuleBroken } from './resolve.ts'

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
const resolve = async (context: LoginContext, identity: Identity, arrival: Arrival): Promise<Resolved> => {
  try {
    return await resolveIdentity(context, identity, arrival)
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
    context.logger.info(
      { ...details, ...(rule !== undefined && { rule }) },
      'somebody whom an identity provider vouches for was refused',
    )
    context.count?.({ provider: identity.provider, key: arrival.key, refusedBy: rule ?? error.errcode })
    throw error
  }
}

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
  context: LoginContext,
  identity: Identity,
  arrival: Arrival,
  wanted: WantedSession,
): Promise<Opened> => {
  const policy = policyFor(context, identity.provider)
  const from = { provider: policy.people, subject: identity.subject, sid: arrival.sid }
  await context.standing.begin(identity.provider, from, arrival.evidence)
  const until = policy.capped ? arrival.expires : undefined
  const { opened, user, made } = await twice(async () => {
    const resolved = await resolve(context, identity, arrival)
    const settle = settleIn(arrival, resolved)
    let user = resolved.account
    const opened = await context.sessions.open(resolved.account, async (tx) => (user = await settle(tx)), {
      ...wanted,
      from,
      until,
    })
    return { opened, user, made: !resolved.account }
  })
  const { trace, key } = arrival
  context.logger.info(
    { trace, provider: identity.provider, key, user: opened.userId, device: opened.deviceId, made },
    'somebody signed in',
  )
  context.count?.({ provider: identity.provider, key })
  if (user) await applyClaims(context, identity, user, made)
  return opened
}

/**
 * The same way without a session: for who is handed over to a client first (SSO, which ends in a login token), or needs none of ours.
 * @param purpose what the account is to be let in for
 * @throws MatrixError as `signIn`
 */
export const enter = async (
  context: LoginContext,
  identity: Identity,
  arrival: Arrival,
  purpose: Purpose,
): Promise<Account> => {
  const { account, made } = await twice(async () => {
    const resolved = await resolve(context, identity, arrival)
    if (resolved.account) gate(resolved.account, purpose)
    const settled =
      resolved.account && !resolved.settle && !arrival.within
        ? resolved.account
        : await context.log.write(settleIn(arrival, resolved))
    return { account: settled, made: !resolved.account }
  })
  await applyClaims(context, identity, account, made)
  return (await context.users.account(account.nid)) ?? account
}

/** Lets somebody in who is to get a session later. @throws MatrixError as `signIn` */
export const admit = (context: LoginContext, identity: Identity, arrival: Arrival): Promise<Account> =>
  enter(context, identity, arrival, 'login')

/** The account that an identity has, without making or linking one: for confirming that somebody is still who they were. */
export const accountOf = async (context: LoginContext, identity: Identity): Promise<Account | undefined> =>
  (await resolveIdentity(context, identity)).account

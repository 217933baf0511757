import { MatrixError } from '../../matrix/errors.ts'
import { type Account, gate } from '../../users/index.ts'
import type { LoginContext } from '../deps.ts'
import { type Opened, openSession, type WantedSession } from '../sessions.ts'
import type { Arrival, Identity } from './identity.ts'
import { resolveIdentity } from './resolve.ts'

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

/**
 * The whole way in of whoever a provider vouches for: rules, account (found, linked or made), gate, session, claims applied. The
 * account of an unknown identity is made in the same write as its first session.
 * @throws MatrixError for who may not come in: M_FORBIDDEN, M_INVALID_USERNAME, M_EXCLUSIVE, M_USER_DEACTIVATED, M_USER_LOCKED
 */
export const signIn = (context: LoginContext, identity: Identity, arrival: Arrival, wanted: WantedSession): Promise<Opened> =>
  twice(async () => {
    const { account, settle } = await resolveIdentity(context, identity, arrival)
    const enter = async (tx: Parameters<NonNullable<Parameters<typeof openSession>[2]>>[0]): Promise<Account> => {
      await arrival.within?.(tx.sql)
      const settled = settle ? await settle(tx.sql) : account
      if (!settled) throw new Error('There is neither an account nor a way to make one')
      return settled
    }
    return openSession(context, account, settle || arrival.within ? enter : undefined, wanted)
  })

/**
 * The same way without a session: for who is handed over to a client first (SSO, which ends in a login token).
 * @throws MatrixError as `signIn`
 */
export const admit = (context: LoginContext, identity: Identity, arrival: Arrival): Promise<Account> =>
  twice(async () => {
    const { account, settle } = await resolveIdentity(context, identity, arrival)
    if (account) gate(account, 'login')
    if (account && !settle && !arrival.within) return account
    return context.log.write(async (tx) => {
      await arrival.within?.(tx.sql)
      const settled = settle ? await settle(tx.sql) : account
      if (!settled) throw new Error('There is neither an account nor a way to make one')
      return settled
    })
  })

/** The account that an identity has, without making or linking one: for confirming that somebody is still who they were. */
export const accountOf = async (context: LoginContext, identity: Identity): Promise<Account | undefined> =>
  (await resolveIdentity(context, identity)).account

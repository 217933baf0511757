import { MatrixError } from '../matrix/errors.ts'
import type { Account } from './accounts.ts'

/** What an account wants to be let in for: to get a session, to use one, or to end one. */
export type Purpose = 'login' | 'use' | 'logout'

/**
 * The one gate that every credential and every token passes: says nothing for an account that may come in, and throws for one
 * that may not. A deactivated account gets M_USER_DEACTIVATED at the door and M_UNKNOWN_TOKEN inside, a locked one
 * M_USER_LOCKED, and may still log out. A suspended account is let in; see {@link mustNotBeSuspended}.
 * @see https://spec.matrix.org/v1.19/client-server-api/#account-moderation
 */
export function gate(account: Pick<Account, 'deactivated' | 'locked'>, purpose: Purpose): void {
  if (account.deactivated) {
    if (purpose === 'login') throw new MatrixError('M_USER_DEACTIVATED', 'This account has been deactivated')
    throw new MatrixError('M_UNKNOWN_TOKEN', 'This access token is not valid')
  }
  if (account.locked && purpose !== 'logout') {
    throw new MatrixError('M_USER_LOCKED', 'This account has been locked', { extra: { soft_logout: true } })
  }
}

/**
 * Throws M_USER_SUSPENDED for an account that is suspended. Takes a session as well as an account.
 * @see https://spec.matrix.org/v1.19/client-server-api/#account-suspension
 */
export function mustNotBeSuspended(who: { readonly suspended: boolean }): void {
  if (who.suspended) throw new MatrixError('M_USER_SUSPENDED', 'You cannot perform this action while suspended')
}

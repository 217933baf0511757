import { MatrixError } from '../../matrix/errors.ts'
import { requiredText } from '../credentials.ts'
import { takeLoginToken } from '../../sessions/store/access.ts'
import { hashToken } from '../../sessions/tokens.ts'
import type { Method } from './method.ts'

/** A token that another session of the same user has got by `get_token`: short-lived, and good once. */
export const token: Method = {
  types: ['m.login.token'],
  details: { get_login_token: true },
  guessable: true,
  enabled: () => true,
  verify: async (context, body, { ip }) => {
    const hash = hashToken(requiredText(body, 'token'))
    const taken = await context.database.write((tx) => takeLoginToken(tx, hash))
    const account = taken && taken.expires > context.now() ? await context.users.account(taken.user) : undefined
    if (!taken || !account) {
      context.failures.badToken(ip)
      throw new MatrixError('M_FORBIDDEN', 'This login token is not valid, was used, or has run out')
    }
    return { account, from: taken.from, until: taken.until }
  },
}

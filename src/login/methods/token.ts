import { MatrixError } from '../../matrix/errors.ts'
import { requiredText } from '../body.ts'
import type { Method } from './method.ts'

/** A token that another session of the same user has got by `get_token`: short-lived, and good once. */
export const token: Method = {
  types: ['m.login.token'],
  details: { get_login_token: true },
  guessable: true,
  enabled: () => true,
  verify: async (context, body, { ip, trace }) => {
    const taken = await context.sessions.loginTokens.take(requiredText(body, 'token'))
    const account = taken && (await context.users.account(taken.user))
    if (!taken || !account) {
      context.logger.info({ trace, ip, code: 'login_token' }, 'a login token was refused')
      context.sessions.failures.badToken(ip)
      throw new MatrixError('M_FORBIDDEN', 'This login token is not valid, was used, or has run out')
    }
    return { account, from: taken.from, until: taken.until }
  },
}

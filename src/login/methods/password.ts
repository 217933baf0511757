import { MatrixError } from '../../matrix/errors.ts'
import { requiredText } from '../body.ts'
import { namedUser, takesPasswords, verifyPassword } from '../password/credentials.ts'
import type { Method } from './method.ts'

/** @see https://spec.matrix.org/v1.19/client-server-api/#password-based */
export const password: Method = {
  types: ['m.login.password'],
  guessable: true,
  enabled: takesPasswords,
  verify: (context, body, origin) => {
    const user = namedUser(body)
    if (user === undefined) throw new MatrixError('M_MISSING_PARAM', '"identifier" is missing')
    return verifyPassword(context, user, requiredText(body, 'password'), origin)
  },
}

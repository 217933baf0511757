import { field } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { Problem } from '../../providers/index.ts'
import { accountByPassword, takesPasswords } from '../password/credentials.ts'
import type { PageRequest, Web } from './web.ts'

/** The short id of the user whose password the form has. @throws Problem */
export const passwordOf = async (web: Web, { form, ip, trace }: PageRequest, user: string): Promise<number> => {
  if (!takesPasswords(web.context)) throw new Problem('not_allowed', 'There is no sign-in by password')
  try {
    return (await accountByPassword(web.context, user, field(form, 'password') ?? '', { ip, trace })).nid
  } catch (error) {
    if (error instanceof MatrixError && error.errcode === 'M_FORBIDDEN')
      throw new Problem('wrong_password', error.message, { cause: error })
    throw error
  }
}

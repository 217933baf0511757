import type { Session } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { own } from '../../matrix/json.ts'
import { isSameSecret } from '../secrets.ts'
import { namedUser, requiredText, verifyJwtCredential, verifyPassword } from '../credentials.ts'
import type { LoginContext } from '../deps.ts'
import { accountOf } from '../engine/index.ts'
import type { Stage } from './engine.ts'

/** How old a token may be, by its `iat`, that confirms something: it has to show that its user is there now. In ms. */
const freshMs = 5 * 60_000

const mine = (session: Session | undefined): Session => {
  if (!session) throw new Error('This stage is for those who are signed in')
  return session
}

/** The password of whoever is signed in. */
const password = (context: LoginContext): Stage => ({
  type: 'm.login.password',
  verify: async (auth, { session, ip }) => {
    const { userId, user } = mine(session)
    const account = await verifyPassword(context, namedUser(auth) ?? userId, requiredText(auth, 'password'), ip)
    if (account.nid !== user) throw new MatrixError('M_FORBIDDEN', 'This is the password of another account')
  },
})

/** A fresh JWT of whoever is signed in: nobody who came by one is ever stuck for want of a password. */
const jwt = (context: LoginContext): Stage => ({
  type: 'org.matrix.login.jwt',
  verify: async (auth, { session, ip }) => {
    const identity = verifyJwtCredential(context, own(auth, 'token'), { ip })
    const issued = own(identity.claims, 'iat')
    if (typeof issued === 'number' && context.now() - issued * 1000 > freshMs) {
      throw new MatrixError('M_FORBIDDEN', 'JWT validation failed: the token was issued more than 5 minutes ago, bring a new one')
    }
    const account = await accountOf(context, identity)
    if (account?.nid !== mine(session).user) throw new MatrixError('M_FORBIDDEN', 'This is the token of another user')
  },
})

/** Nothing to prove. */
export const dummy: Stage = { type: 'm.login.dummy', verify: () => {} }

/** One of the tokens that the operator has handed out. */
export const registrationToken = (context: LoginContext): Stage => ({
  type: 'm.login.registration_token',
  verify: (auth, { ip }) => {
    const token = requiredText(auth, 'token')
    if (context.config.registration_tokens.some((known) => isSameSecret(known, token))) return
    context.failures.badToken(ip)
    throw new MatrixError('M_FORBIDDEN', 'This registration token is not valid')
  },
})

/** The ways in which whoever is signed in can confirm something. */
export const flowsFor = async (context: LoginContext, { user }: Session): Promise<Stage[][]> => {
  const account = await context.users.account(user)
  return [
    ...(account?.hasPassword && context.config.password_login ? [[password(context)]] : []),
    ...(context.providers.length > 0 ? [[jwt(context)]] : []),
  ]
}

import { oauthIssuer } from '../../config/index.ts'
import type { Session } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { own } from '../../matrix/json.ts'
import { isSameSecret } from '../../sessions/index.ts'
import { requiredText } from '../body.ts'
import { accountByPassword, type CredentialDeps, namedUser } from '../password/credentials.ts'
import type { LoginParts } from '../deps.ts'
import type { Claims } from '../../identity/index.ts'
import type { JwtProvider } from '../../providers/index.ts'
import { isRegistrationToken } from '../tokens-to-register/index.ts'
import type { Stage } from './engine.ts'

/** What finding out how somebody can confirm something takes. */
export type FlowDeps = CredentialDeps & Pick<LoginParts, 'now' | 'isOAuthSession'>

/** Stages that more than this folder knows. */
export const jwtStageType = 'org.matrix.login.jwt'
export const ssoStageType = 'm.login.sso'
export const emailStageType = 'm.login.email.identity'

/** How old a token may be, by its `iat`, that confirms something: it has to show that its user is there now. In ms. */
const freshMs = 5 * 60_000

const mine = (session: Session | undefined): Session => {
  if (!session) throw new Error('This stage is for those who are signed in')
  return session
}

/** The password of whoever is signed in. */
const password = (context: CredentialDeps): Stage => ({
  type: 'm.login.password',
  verify: async (auth, { session, ip }) => {
    const { userId, user } = mine(session)
    const account = await accountByPassword(context, namedUser(auth) ?? userId, requiredText(auth, 'password'), { ip })
    if (account.nid !== user) throw new MatrixError('M_FORBIDDEN', 'This is the password of another account')
  },
})

/** A fresh JWT of whoever is signed in: nobody who came by one is ever stuck for want of a password. */
const jwt = (context: FlowDeps): Stage => ({
  type: jwtStageType,
  verify: async (auth, { session, ip }) => {
    const token = own(auth, 'token')
    const { identity, arrival, provider } = await context.providers.verifyToken(token, { ip })
    checkFresh(context, identity.claims, provider)
    if (context.providers.bearer.isTokenOf(mine(session), token)) {
      throw new MatrixError(
        'M_FORBIDDEN',
        'JWT validation failed: this is the token of the session itself, which proves nothing new: bring another one',
      )
    }
    const account = await context.identities.accountOf(identity)
    if (account?.nid !== mine(session).user) throw new MatrixError('M_FORBIDDEN', 'This is the token of another user')
    const { within } = arrival
    if (within) await context.database.write(within)
  },
})

/** The token has to show that its user was there just now. Those of the drop-in block need not say when they were made. */
const checkFresh = ({ now }: Pick<LoginParts, 'now'>, claims: Claims, { dropIn, leeway }: JwtProvider): void => {
  const issued = own(claims, 'iat')
  if (issued === undefined && dropIn) return
  if (typeof issued === 'number' && now() - issued * 1000 <= freshMs + (dropIn ? 0 : leeway * 1000)) return
  throw new MatrixError(
    'M_FORBIDDEN',
    issued === undefined
      ? 'JWT validation failed: the token does not say when it was issued ("iat"), and has to be fresh'
      : 'JWT validation failed: the token was issued more than 5 minutes ago, bring a new one',
  )
}

/** Signing in anew at a provider, on a page in the browser. */
const sso: Stage = {
  type: ssoStageType,
  verify: () => {
    throw new MatrixError(
      'M_FORBIDDEN',
      'This is confirmed in the browser: open /_matrix/client/v3/auth/m.login.sso/fallback/web with the session, and come back without "type"',
    )
  },
}

/**
 * Saying yes on the account page: the only way there is for clients of OAuth 2.0, which never see what their user signs in with.
 * @see https://spec.matrix.org/v1.19/client-server-api/#oauth-authentication
 */
const oauth = (publicUrl: string): Stage => ({
  type: 'm.oauth',
  params: ({ session, operation }) => ({
    url:
      operation === 'replace cross-signing keys'
        ? `${publicUrl}/account?action=org.matrix.cross_signing_reset&session=${session}`
        : `${publicUrl}/account/confirm?session=${session}`,
  }),
  verify: () => {
    throw new MatrixError(
      'M_FORBIDDEN',
      'This is confirmed in the browser: open the address of "m.oauth" in "params", and come back without "type"',
    )
  },
})

/** Nothing to prove. */
export const dummy: Stage = { type: 'm.login.dummy', verify: () => {} }

/** One of the tokens that the operator has handed out. Returns one of an administrator's, whose uses are counted. */
export const registrationToken = (
  context: Pick<LoginParts, 'config' | 'database' | 'logger' | 'now' | 'sessions'>,
): Stage => ({
  type: 'm.login.registration_token',
  verify: async (auth, { ip }) => {
    const token = requiredText(auth, 'token')
    if (context.config.registration_tokens.some((known) => isSameSecret(known, token))) return undefined
    if (await isRegistrationToken(context, token)) return token
    context.logger.info({ ip, code: 'registration_token' }, 'a registration token was refused')
    context.sessions.failures.badToken(ip)
    throw new MatrixError('M_FORBIDDEN', 'This registration token is not valid')
  },
})

/** The ways in which whoever is signed in can confirm something. */
export const flowsFor = async (context: FlowDeps, { user, device }: Session): Promise<Stage[][]> => {
  const account = await context.users.account(user)
  const linked =
    context.providers.browser.length + context.providers.directories.length > 0
      ? await context.identities.links.providersOf(user)
      : new Set()
  const hasPassword =
    (account?.hasPassword && context.config.password_login) ||
    context.providers.directories.some((id) => linked.has(id))
  const issuer = oauthIssuer(context.config)
  const byPage = issuer !== undefined && device !== null && (await context.isOAuthSession(device))
  return [
    ...(byPage ? [[oauth(issuer)]] : []),
    ...(hasPassword ? [[password(context)]] : []),
    ...(context.providers.browser.some(({ id }) => linked.has(id)) ? [[sso]] : []),
    ...(context.providers.takesTokens ? [[jwt(context)]] : []),
  ]
}

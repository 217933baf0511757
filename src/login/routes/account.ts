import { Type } from 'typebox'
import { route, type Route, type Session } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/json.ts'
import type { LoginParts } from '../deps.ts'
import { changePassword } from '../password/change.ts'
import { emailStage, type ProofDeps, proofIn } from '../mail/index.ts'
import { type FlowDeps, flowsFor } from '../uia/stages.ts'

type SessionDeps = FlowDeps & Pick<LoginParts, 'uia'>
type MailDeps = ProofDeps & Pick<LoginParts, 'uia' | 'mail' | 'config'>
/** What changing and ending an account takes. */
export type AccountRouteDeps = SessionDeps &
  MailDeps &
  Pick<LoginParts, 'passwords' | 'users' | 'sessions' | 'identities'>

// The bodies are JSON by construction; the schema says no more than it needs.

const confirmBySession = async (
  context: SessionDeps,
  session: Session,
  ip: string,
  body: JsonObject,
): Promise<number> => {
  await context.uia.confirm({
    session,
    ip,
    operation: 'change password',
    body,
    flows: await flowsFor(context, session),
  })
  return session.user
}

const confirmByMail = async (context: MailDeps, ip: string, body: JsonObject): Promise<number> => {
  if (!context.mail || !context.config.password_login)
    throw new MatrixError('M_MISSING_TOKEN', 'An access token is missing')
  const flows = [[emailStage(context, 'password')]]
  const notes = await context.uia.confirm({ session: undefined, ip, operation: 'reset password', body, flows })
  const user = proofIn(notes)?.user ?? null
  if (user === null) throw new MatrixError('M_FORBIDDEN', 'This confirmation has been used already')
  return user
}

export const accountRoutes = (context: AccountRouteDeps): Route[] => [
  /**
   * Sets a new password. Has to be confirmed; who is not signed in confirms it by mail, and so names the account. Other sessions
   * end, unless the client asks to keep them.
   * @see https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3accountpassword
   */
  route({
    id: 'changePassword',
    method: 'POST',
    path: '/_matrix/client/v3/account/password',
    auth: 'optional',
    whileSuspended: true,
    limit: 'session',
    body: Type.Object({
      new_password: Type.String(),
      logout_devices: Type.Optional(Type.Boolean()),
      auth: Type.Optional(Type.Unknown()),
    }),
    reply: Type.Object({}),
    handle: async ({ session, body, ip }) => {
      context.passwords.check(body.new_password)
      const user = session
        ? await confirmBySession(context, session, ip, body as JsonObject)
        : await confirmByMail(context, ip, body as JsonObject)
      await changePassword(context, user, body.new_password, { logout: body.logout_devices ?? true, but: session })
      return {}
    },
  }),

  /**
   * Ends this account for good: its password, sessions and devices go, and with `erase` its profile and what it kept here.
   * Has to be confirmed. @see https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3accountdeactivate
   */
  route({
    id: 'deactivateAccount',
    method: 'POST',
    path: '/_matrix/client/v3/account/deactivate',
    auth: 'user',
    whileSuspended: true,
    limit: 'session',
    body: Type.Object({ erase: Type.Optional(Type.Boolean()), auth: Type.Optional(Type.Unknown()) }),
    reply: Type.Object({ id_server_unbind_result: Type.String() }),
    handle: async ({ session, body, ip }) => {
      if (session.appservice === undefined) {
        await context.uia.confirm({
          session,
          ip,
          operation: 'deactivate',
          body: body as JsonObject,
          flows: await flowsFor(context, session),
        })
      }
      await context.identities.deactivate(session.user, body.erase ?? false)
      return { id_server_unbind_result: 'no-support' }
    },
  }),
]

import { Type } from 'typebox'
import { route, type Route, type Session } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/json.ts'
import type { LoginParts } from '../deps.ts'
import { textsFor } from '../pages/texts.ts'
import type { WebDeps } from '../sso/web.ts'
import { type FlowDeps, flowsFor } from '../uia/stages.ts'
import { parseAddress } from './address.ts'
import { confirmationRoutes } from './page.ts'
import { addEmail, deleteEmail, readEmails } from '../../identity/index.ts'
import type { Purpose } from './store.ts'
import { checkProof, type ProofDeps, requestValidation, takeProof, type ValidationDeps } from './validations.ts'

type ConfirmDeps = FlowDeps & ProofDeps & Pick<LoginParts, 'uia' | 'identities'>
/** What the routes about mail addresses take. */
export type MailRouteDeps = ConfirmDeps & ValidationDeps & WebDeps

/** Every endpoint that has to do with mail addresses. */
export const mailRoutes = (context: MailRouteDeps): Route[] => [
  ...requestRoutes(context),
  ...addressRoutes(context),
  ...phoneRoutes,
  ...(context.mail ? confirmationRoutes(context) : []),
]

const requests: ReadonlyArray<{ readonly id: string; readonly path: string; readonly purpose: Purpose }> = [
  { id: 'requestTokenToRegisterEmail', path: '/_matrix/client/v3/register/email/requestToken', purpose: 'register' },
  { id: 'requestTokenTo3PIDEmail', path: '/_matrix/client/v3/account/3pid/email/requestToken', purpose: 'add' },
  {
    id: 'requestTokenToResetPasswordEmail',
    path: '/_matrix/client/v3/account/password/email/requestToken',
    purpose: 'password',
  },
]

/** Ask for a mail that confirms an address. @see https://spec.matrix.org/v1.19/client-server-api/#adding-account-administrative-contact-information */
const requestRoutes = (context: ValidationDeps): Route[] =>
  requests.map(({ id, path, purpose }) =>
    route({
      id,
      method: 'POST',
      path,
      auth: 'optional',
      whileSuspended: true,
      limit: 'registration',
      body: Type.Object({ client_secret: Type.String(), email: Type.String(), send_attempt: Type.Integer() }),
      reply: Type.Object({ sid: Type.String() }),
      handle: async ({ session, body, headers }) => {
        if (purpose === 'register' && context.config.registration === 'closed')
          throw new MatrixError('M_THREEPID_DENIED', 'Nobody can make an account here')
        if (purpose === 'password' && !context.config.password_login)
          throw new MatrixError('M_THREEPID_DENIED', 'Nobody signs in by password here')
        const sid = await requestValidation(context, {
          purpose,
          email: body.email,
          clientSecret: body.client_secret,
          sendAttempt: body.send_attempt,
          user: purpose === 'add' ? session?.user : undefined,
          language: textsFor(headers['accept-language']).language,
        })
        return { sid }
      },
    }),
  )

const Medium = Type.Object({ medium: Type.String(), address: Type.String() })
const Unbound = Type.Object({ id_server_unbind_result: Type.String() })
const noIdentityServer = 'no-support'

const addressRoutes = (context: ConfirmDeps): Route[] => [
  route({
    id: 'getAccount3PIDs',
    method: 'GET',
    path: '/_matrix/client/v3/account/3pid',
    auth: 'user',
    reply: Type.Object({
      threepids: Type.Array(
        Type.Object({
          medium: Type.String(),
          address: Type.String(),
          validated_at: Type.Integer(),
          added_at: Type.Integer(),
        }),
      ),
    }),
    handle: async ({ session }) => ({
      threepids: (await readEmails(context.database.read, session.user)).map(({ address, validated_ts, added_ts }) => ({
        medium: 'email',
        address,
        validated_at: validated_ts,
        added_at: added_ts,
      })),
    }),
  }),

  /** Adds a confirmed address to the account. Has to be confirmed: who holds the address can set a new password. */
  route({
    id: 'add3PID',
    method: 'POST',
    path: '/_matrix/client/v3/account/3pid/add',
    auth: 'user',
    whileSuspended: true,
    limit: 'session',
    body: Type.Object({ client_secret: Type.String(), sid: Type.String(), auth: Type.Optional(Type.Unknown()) }),
    reply: Type.Object({}),
    handle: async ({ session, body, ip }) => {
      const { sid, client_secret: clientSecret } = body
      // JSON by construction; the schema says no more than it needs.
      await addAddress(context, session, ip, { sid, clientSecret }, body as JsonObject)
      return {}
    },
  }),

  /** The same as it was asked for before there was `add`; nothing is bound at an identity server, whatever is asked for. */
  route({
    id: 'post3PIDs',
    method: 'POST',
    path: '/_matrix/client/v3/account/3pid',
    auth: 'user',
    whileSuspended: true,
    limit: 'session',
    body: Type.Object({
      three_pid_creds: Type.Object({ client_secret: Type.String(), sid: Type.String() }),
      auth: Type.Optional(Type.Unknown()),
    }),
    reply: Type.Object({}),
    handle: async ({ session, body, ip }) => {
      const { sid, client_secret: clientSecret } = body.three_pid_creds
      await addAddress(context, session, ip, { sid, clientSecret }, body as JsonObject) // as above
      return {}
    },
  }),

  route({
    id: 'bind3PID',
    method: 'POST',
    path: '/_matrix/client/v3/account/3pid/bind',
    auth: 'user',
    limit: 'session',
    body: Type.Object({}),
    reply: Type.Object({}),
    handle: () => {
      throw new MatrixError('M_SERVER_NOT_TRUSTED', 'This server works with no identity server')
    },
  }),

  route({
    id: 'delete3pidFromAccount',
    method: 'POST',
    path: '/_matrix/client/v3/account/3pid/delete',
    auth: 'user',
    limit: 'session',
    body: Medium,
    reply: Unbound,
    handle: async ({ session, body }) => {
      await mustNotBeLocked(context, session.user)
      if (body.medium === 'email')
        await context.database.write((tx) => deleteEmail(tx, session.user, parseAddress(body.address)))
      return { id_server_unbind_result: noIdentityServer }
    },
  }),

  /** Nothing is bound at an identity server, so there is nothing to undo. */
  route({
    id: 'unbind3pidFromAccount',
    method: 'POST',
    path: '/_matrix/client/v3/account/3pid/unbind',
    auth: 'user',
    limit: 'session',
    body: Medium,
    reply: Unbound,
    handle: () => ({ id_server_unbind_result: noIdentityServer }),
  }),
]

/** Adds a confirmed address, once the user has confirmed that it is they who ask. */
async function addAddress(
  context: ConfirmDeps,
  session: Session,
  ip: string,
  credentials: { sid: string; clientSecret: string },
  body: JsonObject,
): Promise<void> {
  await mustNotBeLocked(context, session.user)
  await checkProof(context, credentials, 'add', session.user)
  await context.uia.confirm({
    session,
    ip,
    operation: 'add mail address',
    body,
    flows: await flowsFor(context, session),
  })
  const { address, validated } = await takeProof(context, credentials, 'add', session.user)
  if (!(await context.database.write((tx) => addEmail(tx, session.user, address, validated, context.now())))) {
    throw new MatrixError('M_THREEPID_IN_USE', 'Another account here has this mail address')
  }
}

/** @throws MatrixError M_FORBIDDEN when an identity provider alone says what the user's mail address is */
const mustNotBeLocked = async (context: Pick<LoginParts, 'identities'>, user: number): Promise<void> => {
  const provider = await context.identities.lockOf(user, 'email')
  if (provider)
    throw new MatrixError('M_FORBIDDEN', `Your mail address comes from "${provider.name}", and is changed there`)
}

const phones: ReadonlyArray<readonly [id: string, path: string]> = [
  ['requestTokenToRegisterMSISDN', '/_matrix/client/v3/register/msisdn/requestToken'],
  ['requestTokenTo3PIDMSISDN', '/_matrix/client/v3/account/3pid/msisdn/requestToken'],
  ['requestTokenToResetPasswordMSISDN', '/_matrix/client/v3/account/password/msisdn/requestToken'],
]

const phoneRoutes: Route[] = phones.map(([id, path]) =>
  route({
    id,
    method: 'POST',
    path,
    auth: 'optional',
    whileSuspended: true,
    limit: 'registration',
    body: Type.Object({}),
    reply: Type.Object({ sid: Type.String() }),
    handle: () => {
      throw new MatrixError('M_THREEPID_MEDIUM_NOT_SUPPORTED', 'This server knows nobody by phone number')
    },
  }),
)

import { Type } from 'typebox'
import { route, type Route } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { type JsonObject, own } from '../../matrix/json.ts'
import { checkNewName, loweredName, randomLocalpart, register, type RegisterDeps } from '../accounts.ts'
import { appserviceType, checkServiceName, mustSignIn, serviceOf } from '../appservice.ts'
import type { AppService, LoginParts } from '../deps.ts'
import { addEmail } from '../../identity/index.ts'
import { emailStage, type Proof, type ProofDeps, proofIn } from '../mail/index.ts'
import { mustBeLegacy } from '../legacy.ts'
import type { Account } from '../../users/index.ts'
import { isSameSecret, type Opened, type WantedSession } from '../../sessions/index.ts'
import type { Stage } from '../uia/engine.ts'
import { isRegistrationToken, takeRegistrationToken } from '../tokens-to-register/index.ts'
import { dummy, registrationToken } from '../uia/stages.ts'
import { sessionFields, sessionReply, wantedSession } from './login.ts'

type FlowDeps = ProofDeps & Pick<LoginParts, 'config' | 'logger' | 'mail' | 'sessions'>
/** What making accounts by clients takes. */
export type RegisterRouteDeps = RegisterDeps &
  FlowDeps &
  Pick<LoginParts, 'appservices' | 'passwords' | 'uia' | 'randomId'>

const Registered = Type.Object({
  user_id: Type.String(),
  access_token: Type.Optional(Type.String()),
  device_id: Type.Optional(Type.String()),
})

const mustBeOpen = ({ config }: Pick<LoginParts, 'config'>): void => {
  if (config.registration === 'closed')
    throw new MatrixError('M_FORBIDDEN', 'Nobody can make an account here; ask the administrator for one')
}

const reply = (
  context: Pick<LoginParts, 'config' | 'serverName'>,
  { userId, opened }: { userId: string; opened: Opened | undefined },
) => (opened ? sessionReply(context, opened) : { user_id: userId, home_server: context.serverName })

const flowsToRegister = (context: FlowDeps): Stage[][] => {
  const { registration, email } = context.config
  const before = registration === 'token' ? [registrationToken(context)] : []
  const plain = registration === 'token' ? before : [dummy]
  if (!context.mail) return [plain]
  const byMail = [...before, emailStage(context, 'register')]
  if (email.required_for_registration) return [byMail]
  // Who has brought a token is through: there would be no way to the mail behind it.
  return registration === 'token' ? [plain] : [plain, byMail]
}

/** A user of an application service: it has no password, and may be made although nobody else can register. */
const registerFor = async (
  context: RegisterDeps & Pick<LoginParts, 'appservices' | 'config'>,
  service: AppService,
  body: { username?: string | null; inhibit_login?: boolean },
  wanted: WantedSession,
) => {
  const { username, inhibit_login: withoutSession = false } = body
  if (typeof username !== 'string') throw new MatrixError('M_MISSING_PARAM', '"username" is missing')
  if (!withoutSession) {
    mustSignIn(service)
    mustBeLegacy(context, true)
  }
  const check = (): Promise<void> => checkServiceName(context, service, username)
  return register(context, { localpart: username, createdBy: 'appservice' }, withoutSession ? undefined : wanted, check)
}

/** The guest who wants to become a user, by their access token; undefined for who is none. @throws MatrixError */
const guestOf = async (
  { sessions, users }: Pick<LoginParts, 'sessions' | 'users'>,
  { guest_access_token: token }: { guest_access_token?: string | null },
  caller: { ip: string; userAgent: string | undefined },
): Promise<Account | undefined> => {
  if (token === undefined || token === null) return undefined
  const { user, guest } = await sessions.authenticate(token, { ...caller, query: {} })
  const account = guest ? await users.account(user) : undefined
  if (!account) throw new MatrixError('M_FORBIDDEN', '"guest_access_token" is not of a guest')
  return account
}

/** A guest keeps the name: rooms know them by it. */
const mustBeOwnName = (guest: Account, username: string | undefined): void => {
  if (username !== undefined && username !== guest.localpart)
    throw new MatrixError(
      'M_FORBIDDEN',
      `A guest who becomes a user keeps the name: "username" must be "${guest.localpart}"`,
    )
}

const becomeUser = async (
  { users, sessions }: Pick<LoginParts, 'users' | 'sessions'>,
  { nid, userId }: Account,
  passwordHash: string,
  wanted: WantedSession | undefined,
) => {
  const account = await users.makeUser(nid, passwordHash)
  return { userId, opened: wanted && (await sessions.open(account, undefined, wanted)) }
}

const keepAddress = async (
  context: Pick<LoginParts, 'users' | 'database' | 'now'>,
  userId: string,
  { address, validated }: Proof,
): Promise<void> => {
  const user = await context.users.find(userId)
  // Where somebody else got it meanwhile, the account is there without it.
  if (user !== undefined) await context.database.write((tx) => addEmail(tx, user, address, validated, context.now()))
}

export const registerRoutes = (context: RegisterRouteDeps): Route[] => [
  /**
   * Makes an account with a password, and opens its first session. How it is confirmed depends on the setting `registration`.
   * @see https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3register
   */
  route({
    id: 'register',
    method: 'POST',
    path: '/_matrix/client/v3/register',
    auth: 'none',
    limit: 'registration',
    query: Type.Object({
      kind: Type.Optional(Type.Union([Type.Literal('user'), Type.Literal('guest')])),
      access_token: Type.Optional(Type.String()),
    }),
    body: Type.Object({
      username: Type.Optional(Type.Union([Type.String(), Type.Null()])),
      password: Type.Optional(Type.Union([Type.String(), Type.Null()])),
      inhibit_login: Type.Optional(Type.Boolean()),
      guest_access_token: Type.Optional(Type.Union([Type.String(), Type.Null()])),
      auth: Type.Optional(Type.Unknown()),
      ...sessionFields,
    }),
    reply: Registered,
    handle: async ({ body, query, headers, ip, userAgent }) => {
      const wanted = wantedSession(body, { ip, userAgent })
      if (own(body, 'type') === appserviceType)
        return reply(context, await registerFor(context, serviceOf(context, { headers, query }), body, wanted))
      mustBeLegacy(context)
      if (query.kind === 'guest') {
        if (!context.config.allow_guests)
          throw new MatrixError('M_GUEST_ACCESS_FORBIDDEN', 'This server takes no guests: sign in, or make an account')
        return reply(
          context,
          await register(
            context,
            { localpart: `guest-${randomLocalpart(context)}`, createdBy: 'guest', guest: true },
            wanted,
          ),
        )
      }
      mustBeOpen(context)
      const { password } = body
      const guest = await guestOf(context, body, { ip, userAgent })
      const username = typeof body.username === 'string' ? loweredName(body.username) : undefined
      if (guest) mustBeOwnName(guest, username)
      else if (username !== undefined) await checkNewName(context, username)
      if (typeof password === 'string') context.passwords.check(password)
      else if (own(body, 'auth') !== undefined) throw new MatrixError('M_MISSING_PARAM', '"password" is missing')
      const flows = flowsToRegister(context)
      // The body is JSON by construction; the schema says no more than it needs.
      const request = { session: undefined, ip, operation: 'register', body: body as JsonObject, flows }
      const notes = await context.uia.confirm(request)
      const token = notes.get('m.login.registration_token')
      const passwordHash = await context.passwords.hash(password ?? '')
      if (guest)
        return reply(context, await becomeUser(context, guest, passwordHash, body.inhibit_login ? undefined : wanted))
      const localpart = username ?? randomLocalpart(context)
      const registered = await register(
        context,
        { localpart, createdBy: 'register', passwordHash },
        body.inhibit_login ? undefined : wanted,
        undefined,
        token === undefined ? undefined : (tx) => takeRegistrationToken(tx, token, context.now()),
      )
      const proof = proofIn(notes)
      if (proof) await keepAddress(context, registered.userId, proof)
      return reply(context, registered)
    },
  }),

  /** Whether a new account can have this name. @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3registeravailable */
  route({
    id: 'checkUsernameAvailability',
    method: 'GET',
    path: '/_matrix/client/v3/register/available',
    auth: 'none',
    limit: 'registration',
    query: Type.Object({ username: Type.String() }),
    reply: Type.Object({ available: Type.Boolean() }),
    handle: async ({ query }) => {
      mustBeLegacy(context)
      mustBeOpen(context)
      await checkNewName(context, loweredName(query.username))
      return { available: true }
    },
  }),

  /**
   * Whether a registration token would be taken.
   * @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1registermloginregistration_tokenvalidity
   */
  route({
    id: 'registrationTokenValidity',
    method: 'GET',
    path: '/_matrix/client/v1/register/m.login.registration_token/validity',
    auth: 'none',
    limit: 'registration',
    query: Type.Object({ token: Type.String() }),
    reply: Type.Object({ valid: Type.Boolean() }),
    handle: async ({ query, ip }) => {
      const { registration, registration_tokens: tokens } = context.config
      if (registration !== 'token') throw new MatrixError('M_FORBIDDEN', 'No registration token is of use here')
      const valid =
        tokens.some((token) => isSameSecret(token, query.token)) || (await isRegistrationToken(context, query.token))
      if (!valid) context.sessions.failures.badToken(ip)
      return { valid }
    },
  }),
]

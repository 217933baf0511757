import { createHmac, timingSafeEqual } from 'node:crypto'
import { Type } from 'typebox'
import { route, type Route } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { loweredName, register, type RegisterDeps } from '../accounts.ts'
import type { LoginParts } from '../deps.ts'
import { sessionFields, SessionReply, sessionReply, wantedSession } from './login.ts'

const path = '/_synapse/admin/v1/register'
const nonceMs = 60_000
const mostNonces = 1000

/** Numbers used once, each good for a minute. The oldest go when there are too many. */
const createNonces = ({ now, randomId }: Pick<LoginParts, 'now' | 'randomId'>) => {
  const expiries = new Map<string, number>()
  return {
    make: (): string => {
      const nonce = randomId()
      expiries.set(nonce, now() + nonceMs)
      const [oldest] = expiries.keys()
      if (expiries.size > mostNonces && oldest !== undefined) expiries.delete(oldest)
      return nonce
    },
    /** Whether it was good; it is not any more. */
    take: (nonce: string): boolean => {
      const expires = expiries.get(nonce)
      return expiries.delete(nonce) && expires !== undefined && expires > now()
    },
  }
}

const macOf = (
  secret: string,
  body: { nonce: string; username: string; password: string; admin?: boolean | null; user_type?: string | null },
): Buffer =>
  createHmac('sha1', secret)
    .update(
      [
        body.nonce,
        body.username,
        body.password,
        body.admin ? 'admin' : 'notadmin',
        ...(body.user_type ? [body.user_type] : []),
      ].join('\0'),
    )
    .digest()

/**
 * Registration for whoever knows `registration_shared_secret`, as existing tools do it. Without the secret the endpoint is not there.
 * SHA-1 is what those tools use; in an HMAC it is still sound.
 * @see https://element-hq.github.io/synapse/latest/admin_api/register_api.html
 */
export const sharedSecretRoutes = (
  context: RegisterDeps & Pick<LoginParts, 'config' | 'passwords' | 'now' | 'randomId'>,
): Route[] => {
  const secret = context.config.registration_shared_secret
  if (secret === undefined) return []
  const nonces = createNonces(context)
  return [
    /** A nonce for the request that follows. */
    route({
      id: 'sharedSecretNonce',
      method: 'GET',
      path,
      auth: 'none',
      limit: 'registration',
      reply: Type.Object({ nonce: Type.String() }),
      handle: () => ({ nonce: nonces.make() }),
    }),

    /** Makes an account, an administrator's if asked to, and opens its first session. */
    route({
      id: 'sharedSecretRegister',
      method: 'POST',
      path,
      auth: 'none',
      limit: 'login',
      body: Type.Object({
        nonce: Type.String(),
        username: Type.String(),
        password: Type.String(),
        mac: Type.String(),
        displayname: Type.Optional(Type.Union([Type.String(), Type.Null()])),
        admin: Type.Optional(Type.Union([Type.Boolean(), Type.Null()])),
        user_type: Type.Optional(Type.Union([Type.String(), Type.Null()])),
        inhibit_login: Type.Optional(Type.Boolean()),
        ...sessionFields,
      }),
      reply: Type.Partial(SessionReply),
      handle: async ({ body, ip, userAgent }) => {
        if (!nonces.take(body.nonce)) throw new MatrixError('M_UNKNOWN', 'unrecognised nonce', { status: 400 })
        const given = Buffer.from(body.mac, 'hex')
        const expected = macOf(secret, body)
        if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
          context.sessions.failures.badToken(ip)
          throw new MatrixError('M_FORBIDDEN', 'HMAC incorrect')
        }
        if (body.password.length > 512 || body.password === '')
          throw new MatrixError('M_INVALID_PARAM', 'The password must have 1 to 512 characters')
        const account = {
          localpart: loweredName(body.username),
          createdBy: 'shared-secret',
          passwordHash: await context.passwords.hash(body.password),
          admin: body.admin ?? false,
          displayName: body.displayname ?? null,
        }
        const { userId, opened } = await register(
          context,
          account,
          body.inhibit_login ? undefined : wantedSession(body, { ip, userAgent }),
        )
        return opened ? sessionReply(context, opened) : { user_id: userId, home_server: context.serverName }
      },
    }),
  ]
}

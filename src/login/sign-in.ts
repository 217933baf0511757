import { MatrixError } from '../matrix/errors.ts'
import { isObject, type JsonObject, own } from '../matrix/json.ts'
import type { Tx } from '../storage/index.ts'
import type { Origin } from './password/credentials.ts'
import type { LoginParts } from './deps.ts'
import type { Arrival } from '../identity/index.ts'
import type { MethodDeps, Verified } from './methods/method.ts'
import { methodOf } from './methods/index.ts'
import type { Opened, WantedSession } from '../sessions/index.ts'

/** What signing in by a method takes. */
export type SignInDeps = MethodDeps & Pick<LoginParts, 'logger'>

const verify = async (context: SignInDeps, type: string, body: JsonObject, origin: Origin): Promise<Verified> => {
  const method = methodOf(context, type)
  if (!method) throw new MatrixError('M_UNKNOWN', 'This server does not offer that way to sign in', { status: 400 })
  if (method.guessable) context.sessions.failures.attempt(origin.ip)
  return method.verify(context, body, origin)
}

/**
 * What whoever signs in brings besides, to prove that an account of ours is theirs: `link` is a credential of any other way in. Undefined
 * where it is of nobody here.
 */
const proofIn = async (
  context: SignInDeps,
  body: JsonObject,
  origin: Origin,
): Promise<Pick<Arrival, 'proven' | 'within'>> => {
  const link = own(body, 'link')
  if (link === undefined || link === null) return {}
  const type = own(link, 'type')
  if (!isObject(link) || typeof type !== 'string')
    throw new MatrixError('M_BAD_JSON', '"link" must be an object with a "type", as for a sign-in')
  const proof = await verify(context, type, link, origin)
  const account = 'identity' in proof ? await context.identities.accountOf(proof.identity) : proof.account
  return { proven: account?.nid, within: 'identity' in proof ? proof.arrival.within : undefined }
}

const both = (first: Arrival['within'], second: Arrival['within']): Arrival['within'] =>
  first && second
    ? async (tx: Tx) => {
        await first(tx)
        await second(tx)
      }
    : (first ?? second)

/** `POST /login`: has the method look at the credential, and opens a session for whose it is. */
export const signInBy = async (
  context: SignInDeps,
  type: string,
  body: JsonObject,
  origin: Origin,
  wanted: WantedSession,
): Promise<Opened> => {
  const verified = await verify(context, type, body, origin)
  if ('identity' in verified) {
    const { proven, within } = await proofIn(context, body, origin)
    return context.identities.signIn(
      verified.identity,
      { ...verified.arrival, proven, within: both(verified.arrival.within, within) },
      wanted,
    )
  }
  const opened = await context.sessions.open(verified.account, undefined, {
    ...wanted,
    from: verified.from,
    until: verified.until,
  })
  context.logger.info(
    { trace: origin.trace, type, provider: verified.from?.provider, user: opened.userId, device: opened.deviceId },
    'somebody signed in',
  )
  context.count?.({ provider: verified.from?.provider ?? (type === 'm.login.token' ? 'login token' : 'password') })
  return opened
}

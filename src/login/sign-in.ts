import { MatrixError } from '../matrix/errors.ts'
import type { JsonObject } from '../matrix/json.ts'
import type { Origin } from './credentials.ts'
import type { LoginContext } from './deps.ts'
import { signIn } from './engine/index.ts'
import { methodOf } from './methods/index.ts'
import { type Opened, openSession, type WantedSession } from './sessions.ts'

/** `POST /login`: has the method look at the credential, and opens a session for whose it is. */
export const signInBy = async (context: LoginContext, type: string, body: JsonObject, origin: Origin, wanted: WantedSession): Promise<Opened> => {
  const method = methodOf(context, type)
  if (!method) throw new MatrixError('M_UNKNOWN', 'This server does not offer that way to sign in', { status: 400 })
  const verified = await method.verify(context, body, origin)
  return 'identity' in verified ? signIn(context, verified.identity, verified.arrival, wanted) : openSession(context, verified.account, undefined, { ...wanted, from: verified.from })
}

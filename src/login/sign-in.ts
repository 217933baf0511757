import { MatrixError } from '../matrix/errors.ts'
import type { JsonObject } from '../matrix/json.ts'
import type { Origin } from './credentials.ts'
import type { LoginContext } from './deps.ts'
import { methodOf } from './methods/index.ts'
import { type Opened, openSession, type WantedSession } from './sessions.ts'

const isTaken = (error: unknown): boolean => error instanceof MatrixError && error.errcode === 'M_USER_IN_USE'

/**
 * The whole way in: credential, identity, account, gate, session. The account of an unknown identity is made in the same write as its
 * first session. When another request has made it in that moment, the second look finds it.
 */
export const signIn = async (context: LoginContext, type: string, body: JsonObject, origin: Origin, wanted: WantedSession): Promise<Opened> => {
  const method = methodOf(context, type)
  if (!method) throw new MatrixError('M_UNKNOWN', 'This server does not offer that way to sign in', { status: 400 })
  const attempt = async (): Promise<Opened> => {
    const { account, settle } = await method.verify(context, body, origin)
    return openSession(context, account, settle && ((tx) => settle(tx.sql)), wanted)
  }
  try {
    return await attempt()
  } catch (error) {
    if (!isTaken(error)) throw error
    return attempt()
  }
}

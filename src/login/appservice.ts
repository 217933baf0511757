import { accessToken, type RouteHandlerContext } from '../http/index.ts'
import { MatrixError } from '../matrix/errors.ts'
import { makeUserId } from '../matrix/ids.ts'
import type { AppService, LoginParts } from './deps.ts'
import { hashToken } from '../sessions/index.ts'

/** The `type` of a sign-in or registration by an application service. */
export const appserviceType = 'm.login.application_service'

/** The service whose token a request brings to a route that asks for none. @throws MatrixError M_MISSING_TOKEN, M_UNKNOWN_TOKEN */
export const serviceOf = (
  context: Pick<LoginParts, 'appservices' | 'config'>,
  {
    headers,
    query,
  }: Pick<RouteHandlerContext<'none', unknown, Readonly<Record<string, unknown>>>, 'headers' | 'query'>,
): AppService => {
  const token = accessToken(headers.authorization, query, context.config.query_access_token)
  if (token === undefined) throw new MatrixError('M_MISSING_TOKEN', 'This needs the token of an application service')
  const service = context.appservices?.byTokenHash(hashToken(token))
  if (!service) throw new MatrixError('M_UNKNOWN_TOKEN', 'This is not the token of an application service')
  return service
}

/** A service that makes devices gets no sessions. @throws MatrixError M_APPSERVICE_LOGIN_UNSUPPORTED */
export const mustSignIn = (service: AppService): void => {
  if (service.withoutLogin)
    throw new MatrixError(
      'M_APPSERVICE_LOGIN_UNSUPPORTED',
      'By its registration this application service does not sign in: it makes devices with PUT /devices',
    )
}

/** Throws when the service cannot make an account of this name: M_INVALID_USERNAME, M_EXCLUSIVE, M_USER_IN_USE. */
export const checkServiceName = async (
  context: Pick<LoginParts, 'appservices' | 'serverName' | 'users'>,
  service: AppService,
  localpart: string,
): Promise<void> => {
  const userId = makeUserId(localpart, context.serverName)
  if (!service.covers(userId))
    throw new MatrixError('M_EXCLUSIVE', `${userId} is not in the namespace of the application service "${service.id}"`)
  if (context.appservices?.keepsUser(userId, service.id))
    throw new MatrixError('M_EXCLUSIVE', `${userId} is kept for another application service`)
  if (await context.users.findByLocalpart(localpart)) throw new MatrixError('M_USER_IN_USE', 'This user name is taken')
}

import { MatrixError } from '../../matrix/errors.ts'
import { isLocalUser, localpartOf } from '../../matrix/ids.ts'
import { appserviceType, mustSignIn } from '../appservice.ts'
import { namedUser } from '../password/credentials.ts'
import type { Method } from './method.ts'

/**
 * An application service signs in as a user of its own: its token proves it.
 * @see https://spec.matrix.org/v1.19/application-service-api/#server-admin-style-permissions
 */
export const appservice: Method = {
  types: [appserviceType],
  guessable: false,
  enabled: ({ appservices }) => appservices !== undefined,
  verify: async (context, body, { service }) => {
    if (!service) throw new MatrixError('M_MISSING_TOKEN', 'This needs the token of an application service')
    mustSignIn(service)
    const user = namedUser(body)
    if (user === undefined) throw new MatrixError('M_MISSING_PARAM', '"identifier" is missing')
    const userId = user.startsWith('@') ? user : `@${user}:${context.serverName}`
    if (!service.covers(userId))
      throw new MatrixError(
        'M_EXCLUSIVE',
        `${userId} is not in the namespace of the application service "${service.id}"`,
      )
    const account = isLocalUser(userId, context.serverName)
      ? await context.users.findByLocalpart(localpartOf(userId))
      : undefined
    if (account?.userId !== userId)
      throw new MatrixError('M_FORBIDDEN', `The application service "${service.id}" has not registered ${userId}`)
    return { account }
  },
}

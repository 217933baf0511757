import { MatrixError } from '../matrix/errors.ts'
import type { LoginParts } from './deps.ts'

/**
 * Refuses a client that wants to sign in, or to make an account, by itself, where everybody is to come by OAuth 2.0.
 * @param isService whether an application service asks for a session of a user of its
 * @throws MatrixError M_UNRECOGNIZED, M_APPSERVICE_LOGIN_UNSUPPORTED
 * @see https://spec.matrix.org/v1.19/client-server-api/#authentication-api-discovery
 */
export const mustBeLegacy = ({ config }: Pick<LoginParts, 'config'>, isService = false): void => {
  if (config.legacy_login) return
  if (isService)
    throw new MatrixError(
      'M_APPSERVICE_LOGIN_UNSUPPORTED',
      'This server has everybody sign in by OAuth 2.0: an application service makes devices with PUT /devices, and asks with its own token',
    )
  throw new MatrixError(
    'M_UNRECOGNIZED',
    'This server has everybody sign in by OAuth 2.0: see /_matrix/client/v1/auth_metadata',
  )
}

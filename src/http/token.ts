import { MatrixError } from '../matrix/errors.ts'

const bearer = /^Bearer +([\x21-\x7e]+) *$/i

/**
 * The access token of a request, undefined when there is none.
 * @param fromQuery whether `?access_token=` counts: it ends up in the logs of every proxy, so it is off unless configured
 * @throws MatrixError 401 M_MISSING_TOKEN when the Authorization header is there and makes no sense
 * @see https://spec.matrix.org/v1.19/client-server-api/#using-access-tokens
 */
export function accessToken(
  authorization: string | undefined,
  query: Readonly<Record<string, unknown>>,
  fromQuery: boolean,
): string | undefined {
  if (authorization !== undefined) {
    const token = bearer.exec(authorization)?.[1]
    if (token === undefined) {
      throw new MatrixError('M_MISSING_TOKEN', 'The Authorization header must read "Bearer" and an access token')
    }
    return token
  }
  const token = fromQuery ? query['access_token'] : undefined
  return typeof token === 'string' && token !== '' ? token : undefined
}

import type { AuthenticateServer } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import type { KeyRing } from '../keys/index.ts'
import type { Partners } from '../partners.ts'
import { readHeader, type RequestClaim } from './header.ts'
import { isSigned } from './sign.ts'

export interface AuthenticateDeps {
  readonly serverName: string
  readonly keys: Pick<KeyRing, 'get'>
  readonly partners: Partners
  readonly now: () => number
  /** A server asked for something, and it was that server indeed. */
  readonly heard: (origin: string) => void
}

const refuse = (sentence: string): MatrixError => new MatrixError('M_UNAUTHORIZED', sentence, { status: 401 })
/** So many signatures of one request are looked at. */
const mostHeaders = 5

function claimsOf(authorization: readonly string[]): [RequestClaim, ...RequestClaim[]] {
  const claims = authorization.slice(0, mostHeaders).flatMap((header) => readHeader(header) ?? [])
  const [first, ...rest] = claims
  if (!first) throw refuse('This needs an Authorization header of the scheme X-Matrix, with origin, key and sig')
  if (rest.some(({ origin }) => origin !== first.origin)) throw refuse('A request is of one server')
  return [first, ...rest]
}

/**
 * Finds out which server made a request.
 * @see https://spec.matrix.org/v1.19/server-server-api/#request-authentication
 */
export function createAuthenticate({ serverName, keys, partners, now, heard }: AuthenticateDeps): AuthenticateServer {
  const claim = (authorization: readonly string[]): [RequestClaim, ...RequestClaim[]] => {
    const claims = claimsOf(authorization)
    const [{ origin }] = claims
    if (origin === serverName) throw refuse('This server makes no requests to itself')
    if (claims.some(({ destination }) => destination !== undefined && destination !== serverName))
      throw refuse(`This is ${serverName}, and the request is for another server`)
    if (!partners.mayTalkTo(origin)) throw new MatrixError('M_FORBIDDEN', 'This server does not talk to yours')
    return claims
  }
  return {
    claim: (authorization) => claim(authorization)[0].origin,
    verify: async ({ method, uri, authorization, content }) => {
      const claims = claim(authorization)
      const [{ origin }] = claims
      const wanted = claims.map(({ keyId }) => ({ server: origin, keyId, at: now() }))
      const found = await keys.get(wanted)
      const parts = { method, uri, origin, destination: serverName, content }
      const isGood = claims.some((one) => {
        const key = found.of(origin, one.keyId)
        return key !== undefined && isSigned(parts, one, key.publicKey)
      })
      if (!isGood) {
        const known = claims.some(({ keyId }) => found.of(origin, keyId) !== undefined)
        throw refuse(known ? 'The signature of the request is wrong' : `No valid key of ${origin} could be found`)
      }
      heard(origin)
      return origin
    },
  }
}

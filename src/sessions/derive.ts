import type { Session } from '../http/index.ts'
import { MatrixError } from '../matrix/errors.ts'
import type { SessionParts } from './deps.ts'
import type { Tokens } from './session.ts'
import { addToken } from './store/access.ts'
import { clearDerived, readExpiry } from './store/owner.ts'
import { hashToken, makeToken } from './tokens.ts'

/** How many access tokens a device may have at once. */
const most = 20

/**
 * Makes a further access token for the device of a session: for at most `lifetime` ms, and no longer than the session's own is good.
 * @throws MatrixError M_LIMIT_EXCEEDED, M_UNKNOWN_TOKEN
 */
export const derive = async (
  deps: Pick<SessionParts, 'database' | 'now' | 'randomId' | 'tokenIds'>,
  { user, device, tokenId }: Session,
  lifetime: number,
): Promise<Tokens> => {
  const now = deps.now()
  const accessToken = makeToken('access', deps.randomId)
  const expires = await deps.database.write(async (tx) => {
    const own = await readExpiry(tx, tokenId)
    if (own === undefined || device === null) throw new MatrixError('M_UNKNOWN_TOKEN', 'This access token is not valid')
    if ((await clearDerived(tx, device, tokenId, now)) >= most)
      throw new MatrixError('M_LIMIT_EXCEEDED', 'This session has too many access tokens', { retryAfterMs: lifetime })
    const expires = Math.min(own.expires ?? Infinity, now + lifetime)
    await addToken(tx, {
      id: deps.tokenIds.next(),
      hash: hashToken(accessToken),
      user,
      device,
      now,
      expires,
      supersedes: null,
    })
    return expires
  })
  return { accessToken, refreshToken: undefined, expiresInMs: expires - now }
}

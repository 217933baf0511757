import type { Arrival, Identity, Origin } from '../../identity/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import type { Tx } from '../../storage/index.ts'
import type { ProviderParts } from '../deps.ts'
import { sidOf } from './device.ts'
import type { JwtProvider } from './provider.ts'
import { useToken } from './store.ts'
import type { Verified } from './verify.ts'

type OnceDeps = Pick<ProviderParts, 'now' | 'logger' | 'count'>
type CredentialDeps = OnceDeps & Pick<ProviderParts, 'keyring' | 'sessions'>

/** Somebody whom a JWT speaks for. */
export interface JwtCredential {
  readonly identity: Identity
  readonly arrival: Arrival
  readonly provider: JwtProvider
}

/** The refusal of a token, as the client sees it. */
const refusalOf = ({ code, reason }: Verified & { ok: false }, trace: string | undefined): MatrixError => {
  const message =
    code === 'token_missing'
      ? 'Token field for JWT is missing'
      : code === 'token_not_a_string'
        ? 'Token field for JWT must be a string'
        : code === 'subject_missing'
          ? 'Invalid JWT'
          : `JWT validation failed: ${reason}`
  return new MatrixError('M_FORBIDDEN', message, { extra: { code, ...(trace !== undefined && { trace }) } })
}

/**
 * Whom a JWT speaks for, and how it arrived. Throws the refusal that the client sees; the log has provider, key and rule under the
 * same trace. Refused tokens are counted by address, good ones never are.
 */
export const verifyJwtCredential = async (
  deps: CredentialDeps,
  token: unknown,
  origin: Origin,
): Promise<JwtCredential> => {
  const verified = await deps.keyring.verify(token)
  const provider = verified && deps.keyring.providers.find(({ id }) => id === verified.provider)
  if (!provider) throw new MatrixError('M_FORBIDDEN', 'This server takes no JSON Web Tokens')
  if (!verified.ok) {
    const { code, reason, failed, steps } = verified
    const key = steps.find(({ rule }) => rule === 'signature')?.found ?? steps.find(({ rule }) => rule === 'key')?.found
    deps.logger.info(
      { trace: origin.trace, ip: origin.ip, provider: provider.id, rule: failed, code, reason, key },
      'a JWT was refused',
    )
    deps.count?.({ provider: provider.id, key, refusedBy: failed })
    deps.sessions.failures.badToken(origin.ip)
    throw refusalOf(verified, origin.trace)
  }
  const { subject, claims, expires, once } = verified
  const use =
    once === undefined || expires === undefined
      ? undefined
      : (tx: Tx) => useOnce(deps, tx, { provider: provider.id, jti: once, expires }, origin)
  return {
    provider,
    identity: { provider: provider.id, subject, claims },
    arrival: {
      ...origin,
      sid: sidOf(claims),
      expires,
      evidence: typeof token === 'string' ? token : undefined,
      key: verified.key.description,
      within: use,
    },
  }
}

const useOnce = async (
  deps: OnceDeps,
  tx: Tx,
  token: { provider: string; jti: string; expires: number },
  { trace }: Origin,
): Promise<void> => {
  if (await useToken(tx, { ...token, now: deps.now() })) return
  deps.logger.info({ trace, provider: token.provider, rule: 'once', code: 'used' }, 'a JWT was refused')
  deps.count?.({ provider: token.provider, refusedBy: 'once' })
  throw new MatrixError('M_FORBIDDEN', 'JWT validation failed: The token was used already, and is good once', {
    extra: { code: 'used', ...(trace !== undefined && { trace }) },
  })
}

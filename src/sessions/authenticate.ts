import type { Caller, Session } from '../http/index.ts'
import { MatrixError } from '../matrix/errors.ts'
import { gate } from '../users/index.ts'
import type { SessionParts } from './deps.ts'
import { sessionOf } from './session.ts'
import { readToken } from './store/access.ts'
import { confirmToken, readUnconfirmed } from './store/refresh.ts'
import { hashToken } from './tokens.ts'

type LoadDeps = Pick<SessionParts, 'database' | 'users' | 'cache' | 'now'>
type SeenDeps = Pick<SessionParts, 'devices' | 'standing'>
/** What finding out who asks takes. */
export type AuthenticateDeps = LoadDeps & SeenDeps & Pick<SessionParts, 'services' | 'bearer'>

const unknownToken = (): MatrixError => new MatrixError('M_UNKNOWN_TOKEN', 'This access token is not valid')

/** Ends what the token's first use ends. */
const confirm = async ({ database, cache, now }: LoadDeps, user: number, tokenId: number): Promise<void> => {
  const ended = await database.write(async (tx) => {
    const token = await readUnconfirmed(tx, tokenId)
    return token && confirmToken(tx, token, now())
  })
  if (ended !== undefined) cache.supersede(user, ended)
}

const loadSession = async (deps: LoadDeps, hash: string, tries = 5): Promise<Session> => {
  const { cache } = deps
  const before = cache.revocations
  const row = await readToken(deps.database.read, hash)
  // A device that is gone takes its tokens with it.
  if (!row || (row.device_nid !== null && row.device_id === null)) throw unknownToken()
  if (row.expires_ts !== null && row.expires_ts <= deps.now()) {
    throw new MatrixError('M_UNKNOWN_TOKEN', 'This access token has run out', { extra: { soft_logout: true } })
  }
  const account = await deps.users.account(row.user_nid)
  if (!account) throw unknownToken()
  // A locked account may still log out: http/ asks the session.
  gate(account, 'logout')
  if (row.supersedes_id !== null) {
    await confirm(deps, row.user_nid, row.id)
    return loadSession(deps, hash, tries)
  }
  const session = sessionOf(account, row.id, row.device_nid, row.device_id)
  // What was revoked meanwhile, whoever's it was, may have been this: look again.
  if (cache.revocations !== before && tries > 0) return loadSession(deps, hash, tries - 1)
  if (cache.revocations === before) cache.put(hash, session, row.expires_ts)
  return session
}

const seen = ({ devices }: SeenDeps, session: Session, caller: Caller): Session => {
  if (session.device !== null) devices.seen(session.device, caller.ip, caller.userAgent)
  return session
}

/** A session that goes on only as long as its provider says so may have to wait for the provider's word. */
const stands = (deps: SeenDeps, session: Session, token: string, caller: Caller): Session | Promise<Session> => {
  const pending = deps.standing().pending(session, token)
  return pending === undefined ? seen(deps, session, caller) : pending.then(() => seen(deps, session, caller))
}

/** Who brings this access token. Answered without a promise when the token was seen before. Throws 401. */
export const authenticate = (deps: AuthenticateDeps, token: string, caller: Caller): Session | Promise<Session> => {
  const hash = hashToken(token)
  const held = deps.cache.get(hash, deps.now())
  if (held) return stands(deps, held, token, caller)
  const service = deps.services?.open(hash, caller)
  if (service) return service
  const bearer = deps.bearer()
  if (bearer.takes(token))
    return bearer.open(token, hash, caller).then((session) => stands(deps, session, token, caller))
  return loadSession(deps, hash).then((session) => stands(deps, session, token, caller))
}

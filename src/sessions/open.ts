import type { Caller, Session } from '../http/index.ts'
import { MatrixError } from '../matrix/errors.ts'
import type { LogTx } from '../streams/index.ts'
import { type Account, gate } from '../users/index.ts'
import type { LoginContext } from '../login/deps.ts'
import {
  addRefresh,
  addToken,
  confirmToken,
  deleteDeviceTokens,
  deleteExchanged,
  deleteOtherTokens,
  deleteToken,
  forgetProviderSessions,
  noteProviderSession,
  type ProviderSession,
  readRefresh,
  readToken,
  readUnconfirmed,
} from './store/access.ts'
import { hashToken, makeToken } from './tokens.ts'

/** What a client says of the session that it wants. */
export interface WantedSession {
  deviceId: string | undefined
  displayName: string | undefined
  /** Whether the client knows how to refresh; if it does not, its token does not run out. */
  refresh: boolean
  ip: string
  userAgent: string | undefined
  /** The session at an identity provider that this one comes of, and ends with. */
  from?: ProviderSession | undefined
  /** When the session ends by itself, in ms; undefined: when somebody ends it. */
  until?: number | undefined
}

/** Tokens as they are handed to the client, and to nobody else ever again. */
export interface Tokens {
  accessToken: string
  refreshToken: string | undefined
  expiresInMs: number | undefined
}

/** A session that was just opened. */
export interface Opened extends Tokens {
  userId: string
  deviceId: string
}

const unknownToken = (): MatrixError => new MatrixError('M_UNKNOWN_TOKEN', 'This access token is not valid')

const sessionOf = (account: Account, tokenId: number, device: number | null, deviceId: string | null): Session => ({
  user: account.nid,
  userId: account.userId,
  device,
  deviceId,
  tokenId,
  admin: account.admin,
  guest: account.guest,
  locked: account.locked,
  suspended: account.suspended,
})

/** How long an access token lives: as configured for clients that know how to refresh, and no longer than the session. */
const lifetimeOf = (
  { config, now }: LoginContext,
  { refresh, until }: { refresh: boolean; until: number | undefined },
) => {
  const lifetime = refresh && config.access_token_lifetime !== 'off' ? config.access_token_lifetime : undefined
  const left = until === undefined ? Infinity : Math.max(1, until - now())
  const expiresInMs = Math.min(lifetime ?? Infinity, left)
  return {
    expiresInMs: Number.isFinite(expiresInMs) ? expiresInMs : undefined,
    refreshable: lifetime !== undefined && lifetime < left,
  }
}

/** Makes an access token, and a refresh token where it runs out before its session does, inside a write. */
const mint = async (
  context: LoginContext,
  tx: LogTx,
  account: Account,
  device: number,
  options: { refresh: boolean; supersedes: number | null; until: number | undefined },
) => {
  const now = context.now()
  const { expiresInMs, refreshable } = lifetimeOf(context, options)
  const accessToken = makeToken('access', context.randomId)
  const refreshToken = refreshable ? makeToken('refresh', context.randomId) : undefined
  const hash = hashToken(accessToken)
  const expires = expiresInMs === undefined ? null : now + expiresInMs
  const id = context.tokenIds.next()
  await addToken(tx.sql, { id, hash, user: account.nid, device, now, expires, supersedes: options.supersedes })
  if (refreshToken !== undefined) {
    await addRefresh(tx.sql, {
      id: context.tokenIds.next(),
      hash: hashToken(refreshToken),
      user: account.nid,
      device,
      access: id,
      now,
      until: options.until,
    })
  }
  return { id, hash, expires, tokens: { accessToken, refreshToken, expiresInMs } }
}

/**
 * Opens a session on a new device, or on the device of that id, whose tokens then end. The account passes the gate; `settle`, if
 * given, makes or links it in the same write.
 */
export const openSession = async (
  context: LoginContext,
  known: Account | undefined,
  settle: ((tx: LogTx) => Promise<Account>) | undefined,
  wanted: WantedSession,
): Promise<Opened> => {
  if (known) gate(known, 'login')
  const { cache } = context
  const before = cache.revocations
  const opened = await context.log.write(async (tx) => {
    const account = settle ? await settle(tx) : known
    if (!account) throw new Error('There is neither an account nor a way to make one')
    const device = await context.devices.ensure(tx, { user: account.nid, ...wanted })
    if (!device.created) await deleteDeviceTokens(tx.sql, [device.nid])
    if (wanted.from || !device.created) await noteProviderSession(tx.sql, device.nid, wanted.from)
    return {
      account,
      device,
      minted: await mint(context, tx, account, device.nid, {
        refresh: wanted.refresh,
        supersedes: null,
        until: wanted.until,
      }),
    }
  })
  const { account, device, minted } = opened
  const session = sessionOf(account, minted.id, device.nid, device.deviceId)
  // Its first request is then answered from memory, too; unless something was revoked meanwhile, which might be this.
  if (cache.revocations === before) cache.put(minted.hash, session, minted.expires)
  if (!device.created) cache.revoke(account.nid, (other) => other.device === device.nid && other.tokenId !== minted.id)
  return { userId: account.userId, deviceId: device.deviceId, ...minted.tokens }
}

/** Ends what the token's first use ends. */
const confirm = async (context: LoginContext, user: number, tokenId: number): Promise<void> => {
  const ended = await context.database.write(async (tx) => {
    const token = await readUnconfirmed(tx, tokenId)
    return token && confirmToken(tx, token)
  })
  if (ended !== undefined) context.cache.supersede(user, ended)
}

const loadSession = async (context: LoginContext, hash: string, tries = 5): Promise<Session> => {
  const { cache } = context
  const before = cache.revocations
  const row = await readToken(context.database.read, hash)
  // A device that is gone takes its tokens with it.
  if (!row || (row.device_nid !== null && row.device_id === null)) throw unknownToken()
  if (row.expires_ts !== null && row.expires_ts <= context.now()) {
    throw new MatrixError('M_UNKNOWN_TOKEN', 'This access token has run out', { extra: { soft_logout: true } })
  }
  const account = await context.users.account(row.user_nid)
  if (!account) throw unknownToken()
  // A locked account may still log out: http/ asks the session.
  gate(account, 'logout')
  if (row.supersedes_id !== null) {
    await confirm(context, row.user_nid, row.id)
    return loadSession(context, hash, tries)
  }
  const session = sessionOf(account, row.id, row.device_nid, row.device_id)
  // What was revoked meanwhile, whoever's it was, may have been this: look again.
  if (cache.revocations !== before && tries > 0) return loadSession(context, hash, tries - 1)
  if (cache.revocations === before) cache.put(hash, session, row.expires_ts)
  return session
}

const seen = (context: LoginContext, session: Session, caller: Caller): Session => {
  if (session.device !== null) context.devices.seen(session.device, caller.ip, caller.userAgent)
  return session
}

/** A session that goes on only as long as its provider says so may have to wait for the provider's word. */
const standing = (
  context: LoginContext,
  session: Session,
  token: string,
  caller: Caller,
): Session | Promise<Session> => {
  const pending = context.standing.pending(session, token)
  return pending === undefined ? seen(context, session, caller) : pending.then(() => seen(context, session, caller))
}

/** Who brings this access token. Answered without a promise when the token was seen before. Throws 401. */
export const authenticate = (context: LoginContext, token: string, caller: Caller): Session | Promise<Session> => {
  const hash = hashToken(token)
  const held = context.cache.get(hash, context.now())
  if (held) return standing(context, held, token, caller)
  const service = context.appservices?.open(hash, caller)
  if (service) return service
  if (context.bearer.takes(token))
    return context.bearer.open(token, hash, caller).then((session) => standing(context, session, token, caller))
  return loadSession(context, hash).then((session) => standing(context, session, token, caller))
}

/**
 * Exchanges a refresh token. It stays valid, and so does the access token before, until one of the new tokens is used: a client
 * that never got the answer can ask again.
 * @see https://spec.matrix.org/v1.19/client-server-api/#refreshing-access-tokens
 */
export const refreshSession = async (context: LoginContext, token: string): Promise<Tokens> => {
  const hash = hashToken(token)
  const found = await readRefresh(context.database.read, hash)
  const account = found && (await context.users.account(found.user_nid))
  if (!account) throw new MatrixError('M_UNKNOWN_TOKEN', 'This refresh token is not valid')
  gate(account, 'use')
  if (found.expires_ts !== null && found.expires_ts <= context.now()) {
    throw new MatrixError('M_UNKNOWN_TOKEN', 'This session has ended: sign in again', { extra: { soft_logout: true } })
  }
  await context.standing.holdsDevice(found.device_nid)
  const { tokens, ended } = await context.log.write(async (tx) => {
    // Read again inside: another request may have ended it since.
    const refresh = await readRefresh(tx.sql, hash)
    if (!refresh) throw new MatrixError('M_UNKNOWN_TOKEN', 'This refresh token is not valid')
    const unconfirmed = await readUnconfirmed(tx.sql, refresh.access_id)
    const ended = unconfirmed && (await confirmToken(tx.sql, unconfirmed))
    await deleteExchanged(tx.sql, refresh)
    const { tokens } = await mint(context, tx, account, refresh.device_nid, {
      refresh: true,
      supersedes: refresh.id,
      until: refresh.expires_ts ?? undefined,
    })
    return { tokens, ended }
  })
  if (ended !== undefined) context.cache.supersede(account.nid, ended)
  return tokens
}

/** Ends a session; its device goes with it. */
export const logout = async (context: LoginContext, session: Session): Promise<void> => {
  const { user, deviceId, tokenId } = session
  await context.log.write(async (tx) => {
    const isBearer = await context.bearer.revokeSession(tx.sql, session)
    if (deviceId !== null) await context.devices.delete(tx, user, [deviceId])
    else if (!isBearer) await deleteToken(tx.sql, tokenId)
  })
  context.cache.revoke(user, (other) => other.tokenId === tokenId)
}

/** Ends every session of a user, or all but one; their devices go with them. */
export const logoutAll = async (context: LoginContext, user: number, but?: Session): Promise<void> => {
  await context.log.write(async (tx) => {
    await context.devices.deleteAll(tx, user, but?.device ?? undefined)
    await deleteOtherTokens(tx.sql, user)
    await context.bearer.revokeUser(tx.sql, user, but)
  })
  context.cache.revoke(user, (session) => session.device === null || session.device !== but?.device)
}

/** Ends the tokens of devices wherever these are deleted, and has what is remembered follow what changes in an account. */
export const followChanges = (context: LoginContext): void => {
  context.devices.onDelete({
    within: async (tx, devices) => {
      await deleteDeviceTokens(tx, devices)
      await forgetProviderSessions(tx, devices)
      await context.bearer.revokeDevices(tx, devices)
    },
    after: (devices) => context.cache.revokeDevices(devices),
  })
  context.users.onChange((account) => context.cache.revoke(account.nid))
}

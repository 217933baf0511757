import { hot, type Reader, type Tx } from '../../storage/index.ts'

/** A stored access token: whom and what it stands for. */
export interface TokenRow {
  id: number
  user_nid: number
  device_nid: number | null
  device_id: string | null
  expires_ts: number | null
  supersedes_id: number | null
}

const selectToken = hot((db, p: { hash: string }) =>
  db
    .selectFrom('access_tokens')
    .leftJoin('devices', 'devices.nid', 'access_tokens.device_nid')
    .where('token_hash', '=', p.hash)
    .select([
      'access_tokens.id',
      'access_tokens.user_nid',
      'access_tokens.device_nid',
      'devices.device_id',
      'expires_ts',
      'supersedes_id',
    ]),
)

const insertToken = hot((db, p: NewToken) =>
  db.insertInto('access_tokens').values({
    id: p.id,
    token_hash: p.hash,
    user_nid: p.user,
    device_nid: p.device,
    created_ts: p.now,
    expires_ts: p.expires,
    supersedes_id: p.supersedes,
  }),
)

const deleteTokensOfDevice = hot((db, p: { device: number }) =>
  db.deleteFrom('access_tokens').where('device_nid', '=', p.device),
)

const deleteRefreshOfDevice = hot((db, p: { device: number }) =>
  db.deleteFrom('refresh_tokens').where('device_nid', '=', p.device),
)

export const readToken = (db: Reader | Tx, hash: string): Promise<TokenRow | undefined> =>
  selectToken.first(db, { hash })

export interface NewToken {
  id: number
  hash: string
  user: number
  device: number | null
  now: number
  expires: number | null
  /** The refresh token that this one's first use ends. */
  supersedes: number | null
}

export async function addToken(tx: Tx, token: NewToken): Promise<void> {
  await insertToken.run(tx, token)
}

/** Deletes every token of the devices. */
export async function deleteDeviceTokens(tx: Tx, devices: readonly number[]): Promise<void> {
  for (const device of devices) {
    await deleteTokensOfDevice.run(tx, { device })
    await deleteRefreshOfDevice.run(tx, { device })
  }
}

export async function deleteToken(tx: Tx, id: number): Promise<void> {
  await tx.deleteFrom('access_tokens').where('id', '=', id).execute()
}

/** Deletes those tokens of a user that stand for no device. */
export async function deleteOtherTokens(tx: Tx, user: number): Promise<void> {
  await tx.deleteFrom('access_tokens').where('user_nid', '=', user).where('device_nid', 'is', null).execute()
  await tx.deleteFrom('login_tokens').where('user_nid', '=', user).execute()
}

/** A stored refresh token. */
export interface RefreshRow {
  id: number
  user_nid: number
  device_nid: number
  access_id: number
  expires_ts: number | null
}

export const readRefresh = (db: Reader | Tx, hash: string): Promise<RefreshRow | undefined> =>
  db
    .selectFrom('refresh_tokens')
    .where('token_hash', '=', hash)
    .select(['id', 'user_nid', 'device_nid', 'access_id', 'expires_ts'])
    .executeTakeFirst()

export async function addRefresh(
  tx: Tx,
  token: {
    id: number
    hash: string
    user: number
    device: number
    access: number
    now: number
    until: number | undefined
  },
): Promise<void> {
  await tx
    .insertInto('refresh_tokens')
    .values({
      id: token.id,
      token_hash: token.hash,
      user_nid: token.user,
      device_nid: token.device,
      access_id: token.access,
      created_ts: token.now,
      expires_ts: token.until ?? null,
    })
    .execute()
}

/** Deletes what a refresh token was exchanged for so far: none of it was used, or it would not be valid any more. */
export async function deleteExchanged(tx: Tx, refresh: RefreshRow): Promise<void> {
  const earlier = await tx
    .deleteFrom('access_tokens')
    .where('device_nid', '=', refresh.device_nid)
    .where('supersedes_id', '=', refresh.id)
    .returning('id')
    .execute()
  if (earlier.length === 0) return
  await tx
    .deleteFrom('refresh_tokens')
    .where('device_nid', '=', refresh.device_nid)
    .where(
      'access_id',
      'in',
      earlier.map(({ id }) => id),
    )
    .execute()
}

/**
 * Ends the refresh token that an access token came of, and the access token before it. Returns the id of the latter, whose
 * session may still be in memory.
 */
export async function confirmToken(tx: Tx, token: { id: number; supersedes_id: number }): Promise<number | undefined> {
  await tx.updateTable('access_tokens').set({ supersedes_id: null }).where('id', '=', token.id).execute()
  const [old] = await tx
    .deleteFrom('refresh_tokens')
    .where('id', '=', token.supersedes_id)
    .returning('access_id')
    .execute()
  if (old) await deleteToken(tx, old.access_id)
  return old?.access_id
}

/** The access token, where it still has a refresh token to end. */
export const readUnconfirmed = async (
  tx: Tx,
  id: number,
): Promise<{ id: number; supersedes_id: number } | undefined> => {
  const row = await tx
    .selectFrom('access_tokens')
    .where('id', '=', id)
    .select(['id', 'supersedes_id'])
    .executeTakeFirst()
  return row && row.supersedes_id !== null ? { id: row.id, supersedes_id: row.supersedes_id } : undefined
}

/** The session at an identity provider that one of ours comes of. `sid` is the provider's name for it, where it has told one. */
export interface ProviderSession {
  provider: string
  subject: string
  sid: string | undefined
}

export interface NewLoginToken {
  hash: string
  user: number
  expires: number
  now: number
  /** What the session that the token opens comes of. */
  from?: ProviderSession | undefined
  /** When that session is to end, in ms; undefined: when somebody ends it. */
  until?: number | undefined
}

/** Stores a login token, and forgets those that have run out. */
export async function addLoginToken(tx: Tx, { hash, user, expires, now, from, until }: NewLoginToken): Promise<void> {
  await tx.deleteFrom('login_tokens').where('expires_ts', '<=', now).execute()
  await tx
    .insertInto('login_tokens')
    .values({
      token_hash: hash,
      user_nid: user,
      expires_ts: expires,
      provider: from?.provider ?? null,
      subject: from?.subject ?? null,
      sid: from?.sid ?? null,
      session_until: until ?? null,
    })
    .execute()
}

/** Takes a login token out, so that it is used once; undefined when there is none. */
export async function takeLoginToken(
  tx: Tx,
  hash: string,
): Promise<
  { user: number; expires: number; from: ProviderSession | undefined; until: number | undefined } | undefined
> {
  const [row] = await tx
    .deleteFrom('login_tokens')
    .where('token_hash', '=', hash)
    .returning(['user_nid', 'expires_ts', 'provider', 'subject', 'sid', 'session_until'])
    .execute()
  if (!row) return undefined
  const { provider, subject, sid } = row
  const from = provider === null || subject === null ? undefined : { provider, subject, sid: sid ?? undefined }
  return { user: row.user_nid, expires: row.expires_ts, from, until: row.session_until ?? undefined }
}

/** Notes what the session of a device comes of, in place of what it came of before. */
export async function noteProviderSession(tx: Tx, device: number, from: ProviderSession | undefined): Promise<void> {
  if (from)
    await putProviderSession.run(tx, { device, provider: from.provider, subject: from.subject, sid: from.sid ?? null })
  else await forgetProviderSessions(tx, [device])
}

const putProviderSession = hot((db, p: { device: number; provider: string; subject: string; sid: string | null }) =>
  db
    .insertInto('provider_sessions')
    .values({ device_nid: p.device, provider: p.provider, subject: p.subject, sid: p.sid })
    .onConflict((conflict) =>
      conflict.column('device_nid').doUpdateSet((row) => ({
        provider: row.ref('excluded.provider'),
        subject: row.ref('excluded.subject'),
        sid: row.ref('excluded.sid'),
      })),
    ),
)

const deleteProviderSession = hot((db, p: { device: number }) =>
  db.deleteFrom('provider_sessions').where('device_nid', '=', p.device),
)

export async function forgetProviderSessions(tx: Tx, devices: readonly number[]): Promise<void> {
  for (const device of devices) await deleteProviderSession.run(tx, { device })
}

/** What a provider ends: a session of its, or everything of a subject, or what is both. */
export interface Ended {
  sid?: string | undefined
  subject?: string | undefined
}

/** The devices whose sessions came of what a provider has ended. */
export async function readDevicesFrom(
  tx: Tx,
  provider: string,
  { sid, subject }: Ended,
): Promise<{ device: number; deviceId: string; user: number }[]> {
  if (sid === undefined && subject === undefined) return []
  const all = tx
    .selectFrom('provider_sessions')
    .innerJoin('devices', 'devices.nid', 'provider_sessions.device_nid')
    .where('provider', '=', provider)
  const some = sid === undefined ? all : all.where('sid', '=', sid)
  return (subject === undefined ? some : some.where('subject', '=', subject))
    .select(['devices.nid as device', 'devices.device_id as deviceId', 'devices.user_nid as user'])
    .execute()
}

/** Deletes the login tokens that wait for their client, of what a provider has ended. */
export async function deleteLoginTokensFrom(tx: Tx, provider: string, { sid, subject }: Ended): Promise<void> {
  if (sid === undefined && subject === undefined) return
  const all = tx.deleteFrom('login_tokens').where('provider', '=', provider)
  const some = sid === undefined ? all : all.where('sid', '=', sid)
  await (subject === undefined ? some : some.where('subject', '=', subject)).execute()
}

/** Lets the tokens of devices run out now. The devices stay, so that their keys do; their clients are asked to sign in again. */
export async function expireTokens(tx: Tx, devices: readonly number[], now: number): Promise<void> {
  if (devices.length === 0) return
  await tx.updateTable('access_tokens').set({ expires_ts: now }).where('device_nid', 'in', devices).execute()
  await tx.updateTable('refresh_tokens').set({ expires_ts: now }).where('device_nid', 'in', devices).execute()
}

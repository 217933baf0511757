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
  insertToken.later(tx, token)
}

/** Deletes every token of the devices. */
export async function deleteDeviceTokens(tx: Tx, devices: readonly number[]): Promise<void> {
  for (const device of devices) {
    deleteTokensOfDevice.later(tx, { device })
    deleteRefreshOfDevice.later(tx, { device })
  }
}

export async function deleteToken(tx: Tx, id: number): Promise<void> {
  await tx.deleteFrom('access_tokens').where('id', '=', id).execute()
}

/** Deletes those tokens of a user that stand for no device, but those by which an administrator acts as the user. */
export async function deleteOtherTokens(tx: Tx, user: number): Promise<void> {
  await tx
    .deleteFrom('access_tokens')
    .where('user_nid', '=', user)
    .where('device_nid', 'is', null)
    .where('acting_nid', 'is', null)
    .execute()
  await tx.deleteFrom('login_tokens').where('user_nid', '=', user).execute()
}

/** Lets the tokens of devices run out now. The devices stay, so that their keys do; their clients are asked to sign in again. */
export async function expireTokens(tx: Tx, devices: readonly number[], now: number): Promise<void> {
  if (devices.length === 0) return
  await tx.updateTable('access_tokens').set({ expires_ts: now }).where('device_nid', 'in', devices).execute()
  await tx.updateTable('refresh_tokens').set({ expires_ts: now }).where('device_nid', 'in', devices).execute()
}

/** Those of the devices that had a session, and have none any more: no token of theirs is good, and none is there to renew one. */
export const readEndedDevices = async (db: Reader, devices: readonly number[], now: number): Promise<Set<number>> => {
  if (devices.length === 0) return new Set()
  const access = await db
    .selectFrom('access_tokens')
    .where('device_nid', 'in', devices)
    .select(['device_nid', 'expires_ts'])
    .execute()
  const refresh = await db
    .selectFrom('refresh_tokens')
    .where('device_nid', 'in', devices)
    .select(['device_nid', 'expires_ts', 'used_ts'])
    .execute()
  const isGood = ({ expires_ts: until }: { expires_ts: number | null }): boolean => until === null || until > now
  const live = new Set([
    ...access.filter(isGood).map((row) => row.device_nid),
    ...refresh.filter((row) => row.used_ts === null && isGood(row)).map((row) => row.device_nid),
  ])
  // Devices without any token are signed in otherwise, or never were.
  const known = [...access, ...refresh].flatMap(({ device_nid: device }) => (device === null ? [] : [device]))
  return new Set(known.filter((device) => !live.has(device)))
}

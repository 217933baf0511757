import { type Static, Type } from 'typebox'
import { MatrixError } from '../../matrix/errors.ts'
import { isLocalUser, isUserId } from '../../matrix/ids.ts'
import type { Account } from '../../users/index.ts'
import type { AdminApiDeps } from '../deps.ts'
import { readLastSeen } from '../store/users.ts'

export const ThreePid = Type.Object({ medium: Type.String(), address: Type.String() })
export const ExternalId = Type.Object({ auth_provider: Type.String(), external_id: Type.String() })

const Nullable = Type.Union([Type.String(), Type.Null()])

/** An account as administrators see it. */
export const UserDetail = Type.Object({
  name: Type.String(),
  displayname: Nullable,
  avatar_url: Nullable,
  threepids: Type.Array(ThreePid),
  external_ids: Type.Array(ExternalId),
  is_guest: Type.Boolean(),
  admin: Type.Boolean(),
  deactivated: Type.Boolean(),
  erased: Type.Boolean(),
  shadow_banned: Type.Boolean(),
  locked: Type.Boolean(),
  suspended: Type.Boolean(),
  /** In seconds, as the tools expect it here and nowhere else. */
  creation_ts: Type.Integer(),
  last_seen_ts: Type.Union([Type.Integer(), Type.Null()]),
  appservice_id: Nullable,
  user_type: Nullable,
})

/** A user id of this server, whether there is such an account or not. @throws MatrixError M_INVALID_PARAM */
export function mustBeLocal({ serverName }: Pick<AdminApiDeps, 'serverName'>, userId: string): string {
  if (!isUserId(userId)) throw new MatrixError('M_INVALID_PARAM', 'This is not a user id')
  if (!isLocalUser(userId, serverName))
    throw new MatrixError('M_INVALID_PARAM', `${userId} is not a user of this server`)
  return userId
}

/** An account of this server, deactivated or not. @throws MatrixError M_INVALID_PARAM, M_NOT_FOUND */
export async function anyAccount(deps: Pick<AdminApiDeps, 'users' | 'serverName'>, userId: string): Promise<Account> {
  const nid = await deps.users.find(mustBeLocal(deps, userId))
  const account = nid === undefined ? undefined : await deps.users.account(nid)
  if (!account) throw new MatrixError('M_NOT_FOUND', 'User not found')
  return account
}

/** The short id of anybody who was ever seen here, of whatever server. @throws MatrixError M_INVALID_PARAM, M_NOT_FOUND */
export async function anybody({ users }: Pick<AdminApiDeps, 'users'>, userId: string): Promise<number> {
  if (!isUserId(userId)) throw new MatrixError('M_INVALID_PARAM', 'This is not a user id')
  const nid = await users.find(userId)
  if (nid === undefined) throw new MatrixError('M_NOT_FOUND', 'User not found')
  return nid
}

/** All that administrators are told of an account at once. */
export async function detailOf(
  deps: AdminApiDeps,
  account: Account,
): Promise<Static<typeof UserDetail> & Record<string, unknown>> {
  const { nid, userId } = account
  const { login, identities, database } = deps
  return {
    name: userId,
    displayname: account.displayName,
    avatar_url: account.avatarUrl,
    threepids: (await login.administration.emails(nid)).map(
      ({ address, added_ts: added, validated_ts: validated }) => ({
        medium: 'email',
        address,
        added_at: added,
        validated_at: validated,
      }),
    ),
    external_ids: (await identities.links.of(nid)).map(({ provider, subject }) => ({
      auth_provider: provider,
      external_id: subject,
    })),
    is_guest: account.guest,
    admin: account.admin,
    deactivated: account.deactivated,
    erased: account.erased,
    shadow_banned: account.shadowBanned,
    locked: account.locked,
    suspended: account.suspended,
    creation_ts: Math.floor(account.createdTs / 1000),
    last_seen_ts: await readLastSeen(database.read, nid),
    appservice_id: deps.serviceOf(userId) ?? null,
    consent_server_notice_sent: null,
    consent_version: null,
    consent_ts: null,
    user_type: account.userType,
  }
}

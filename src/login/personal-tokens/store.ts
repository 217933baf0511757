import type { Reader, Tx } from '../../storage/index.ts'

/** A personal access token, as it is listed: the token itself is not kept. */
export interface PersonalToken {
  readonly deviceId: string
  readonly name: string
  readonly created: number
  /** ms; undefined: it is good until somebody ends it. */
  readonly expires: number | undefined
}

export async function addPersonalToken(
  tx: Tx,
  token: { device: number; user: number; now: number; expires: number | undefined },
): Promise<void> {
  await tx
    .insertInto('personal_tokens')
    .values({
      device_nid: token.device,
      user_nid: token.user,
      created_ts: token.now,
      expires_ts: token.expires ?? null,
    })
    .execute()
}

export const readPersonalTokens = async (db: Reader | Tx, user: number): Promise<PersonalToken[]> => {
  const rows = await db
    .selectFrom('personal_tokens')
    .innerJoin('devices', 'devices.nid', 'personal_tokens.device_nid')
    .where('personal_tokens.user_nid', '=', user)
    .orderBy('personal_tokens.created_ts')
    .select([
      'devices.device_id as deviceId',
      'devices.display_name as name',
      'personal_tokens.created_ts as created',
      'personal_tokens.expires_ts as expires',
    ])
    .execute()
  return rows.map(({ name, expires, ...row }) => ({ ...row, name: name ?? '', expires: expires ?? undefined }))
}

export async function forgetPersonalTokens(tx: Tx, devices: readonly number[]): Promise<void> {
  if (devices.length > 0)
    await tx
      .deleteFrom('personal_tokens')
      .where('device_nid', 'in', [...devices])
      .execute()
}

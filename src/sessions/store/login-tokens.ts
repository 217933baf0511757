import type { Tx } from '../../storage/index.ts'
import type { Ended, ProviderSession } from './origins.ts'

export interface NewLoginToken {
  hash: string
  user: number
  expires: number
  now: number
  /** What the session that the token opens comes of. */
  from?: ProviderSession | undefined
  /** When that session is to end, in ms; undefined: when somebody ends it. */
  until?: number | undefined
  /** When its user last showed who they are, in ms. */
  since?: number | undefined
}

/** Stores a login token, and forgets those that have run out. */
export async function addLoginToken(
  tx: Tx,
  { hash, user, expires, now, from, until, since }: NewLoginToken,
): Promise<void> {
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
      since_ts: since ?? null,
    })
    .execute()
}

/** Takes a login token out, so that it is used once; undefined when there is none. */
export async function takeLoginToken(
  tx: Tx,
  hash: string,
): Promise<
  | {
      user: number
      expires: number
      from: ProviderSession | undefined
      until: number | undefined
      since: number | undefined
    }
  | undefined
> {
  const [row] = await tx
    .deleteFrom('login_tokens')
    .where('token_hash', '=', hash)
    .returning(['user_nid', 'expires_ts', 'provider', 'subject', 'sid', 'session_until', 'since_ts'])
    .execute()
  if (!row) return undefined
  const { provider, subject, sid } = row
  const from = provider === null || subject === null ? undefined : { provider, subject, sid: sid ?? undefined }
  return {
    user: row.user_nid,
    expires: row.expires_ts,
    from,
    until: row.session_until ?? undefined,
    since: row.since_ts ?? undefined,
  }
}

/**
 * Deletes what waits for its client, of what a provider has ended: login tokens, and the codes of oauth/, which bear the same marks. One
 * place for all of them, so that none is forgotten.
 */
export async function deleteLoginTokensFrom(tx: Tx, provider: string, { sid, subject, unnamed }: Ended): Promise<void> {
  if (sid === undefined && subject === undefined) return
  for (const table of ['login_tokens', 'oauth_codes', 'oauth_device_codes'] as const) {
    const all = tx.deleteFrom(table).where('provider', '=', provider)
    const orNone = unnamed === true && subject !== undefined
    const some =
      sid === undefined
        ? all
        : all.where((of) => of.or([of('sid', '=', sid), ...(orNone ? [of('sid', 'is', null)] : [])]))
    await (subject === undefined ? some : some.where('subject', '=', subject)).execute()
  }
}

/**
 * Deletes what waits for its client, or was given to others, in the name of a user: login tokens, the codes of oauth/, OpenID tokens. One
 * place for all of them, so that none is forgotten.
 */
export async function deleteTicketsOf(tx: Tx, user: number): Promise<void> {
  for (const table of ['login_tokens', 'oauth_codes', 'oauth_device_codes', 'openid_tokens'] as const)
    await tx.deleteFrom(table).where('user_nid', '=', user).execute()
}

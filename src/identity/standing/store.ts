import type { Reader, Tx } from '../../storage/index.ts'
import { type ProviderSession, readDevicesOf } from '../../sessions/index.ts'

/** What a provider is asked with whether a session of its still stands, sealed. */
export interface Evidence {
  /** The id of the provider that is asked, by whose secret it is sealed. */
  readonly asker: string
  readonly sealed: string
}

const sidOf = ({ sid }: Pick<ProviderSession, 'sid'>): string => sid ?? ''

/** Keeps it, in place of what was kept for the same. */
export const putEvidence = async (
  tx: Tx,
  { provider, subject, sid }: ProviderSession,
  { asker, sealed }: Evidence,
): Promise<void> => {
  const row = { people: provider, subject, sid: sidOf({ sid }), asker, sealed }
  await tx
    .insertInto('provider_evidence')
    .values(row)
    .onConflict((conflict) => conflict.columns(['people', 'subject', 'sid', 'asker']).doUpdateSet({ sealed }))
    .execute()
}

export const readEvidence = (db: Reader | Tx, from: ProviderSession): Promise<Evidence[]> =>
  db
    .selectFrom('provider_evidence')
    .where('people', '=', from.provider)
    .where('subject', '=', from.subject)
    .where('sid', '=', sidOf(from))
    .select(['asker', 'sealed'])
    .execute()

/** Deletes all of it, or just what is given. */
export const deleteEvidence = async (tx: Tx, from: ProviderSession, one?: Evidence): Promise<void> => {
  const all = tx
    .deleteFrom('provider_evidence')
    .where('people', '=', from.provider)
    .where('subject', '=', from.subject)
    .where('sid', '=', sidOf(from))
  await (one === undefined ? all : all.where('asker', '=', one.asker).where('sealed', '=', one.sealed)).execute()
}

/** Deletes what nobody can come back to: evidence for sessions of the same person that no device and no login token comes of any more. */
export const sweepEvidence = async (tx: Tx, { provider, subject, sid }: ProviderSession): Promise<void> => {
  const kept = await tx
    .selectFrom('provider_evidence')
    .where('people', '=', provider)
    .where('subject', '=', subject)
    .select('sid')
    .distinct()
    .execute()
  for (const { sid: text } of kept) {
    const other = { provider, subject, sid: text === '' ? undefined : text }
    if (other.sid === sid || (await readDevicesOf(tx, other)).length > 0) continue
    const waiting = await tx
      .selectFrom('login_tokens')
      .where('provider', '=', provider)
      .where('subject', '=', subject)
      .where('sid', other.sid === undefined ? 'is' : '=', other.sid ?? null)
      .select('token_hash')
      .executeTakeFirst()
    if (!waiting) await deleteEvidence(tx, other)
  }
}

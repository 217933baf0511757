import { hot, type Reader, type Tx } from '../../storage/index.ts'

/** The session at an identity provider that one of ours comes of. `sid` is the provider's name for it, where it has told one. */
export interface ProviderSession {
  provider: string
  subject: string
  sid: string | undefined
}

/** Notes what the session of a device comes of, in place of what it came of before. */
export async function noteProviderSession(tx: Tx, device: number, from: ProviderSession | undefined): Promise<void> {
  if (from)
    putProviderSession.later(tx, { device, provider: from.provider, subject: from.subject, sid: from.sid ?? null })
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
  for (const device of devices) deleteProviderSession.later(tx, { device })
}

/** What a provider ends: a session of its, or everything of a subject, or what is both. */
export interface Ended {
  sid?: string | undefined
  subject?: string | undefined
  /** With both: what is the subject's, and of no session that has a name, too. It may be of that one. */
  unnamed?: boolean | undefined
}

/** Whether something that came of this session of a provider's has ended. */
export const isEnded = ({ sid, subject, unnamed }: Ended, from: Pick<ProviderSession, 'sid' | 'subject'>): boolean =>
  (sid !== undefined || subject !== undefined) &&
  (subject === undefined || from.subject === subject) &&
  (sid === undefined || from.sid === sid || (unnamed === true && subject !== undefined && from.sid === undefined))

/** The devices whose sessions came of what a provider has ended. */
export async function readDevicesFrom(
  tx: Tx,
  provider: string,
  { sid, subject, unnamed }: Ended,
): Promise<{ device: number; deviceId: string; user: number }[]> {
  if (sid === undefined && subject === undefined) return []
  const all = tx
    .selectFrom('provider_sessions')
    .innerJoin('devices', 'devices.nid', 'provider_sessions.device_nid')
    .where('provider', '=', provider)
  const orNone = unnamed === true && subject !== undefined
  const some =
    sid === undefined
      ? all
      : all.where((of) => of.or([of('sid', '=', sid), ...(orNone ? [of('sid', 'is', null)] : [])]))
  return (subject === undefined ? some : some.where('subject', '=', subject))
    .select(['devices.nid as device', 'devices.device_id as deviceId', 'devices.user_nid as user'])
    .execute()
}

/** What the session of a device comes of. */
export const readOrigin = async (db: Reader, device: number): Promise<ProviderSession | undefined> => {
  const row = await db
    .selectFrom('provider_sessions')
    .where('device_nid', '=', device)
    .select(['provider', 'subject', 'sid'])
    .executeTakeFirst()
  return row && { provider: row.provider, subject: row.subject, sid: row.sid ?? undefined }
}

/** The devices whose sessions come of just this. */
export const readDevicesOf = async (tx: Tx, { provider, subject, sid }: ProviderSession): Promise<number[]> => {
  const rows = await tx
    .selectFrom('provider_sessions')
    .where('provider', '=', provider)
    .where('subject', '=', subject)
    .where('sid', sid === undefined ? 'is' : '=', sid ?? null)
    .select('device_nid')
    .execute()
  return rows.map((row) => row.device_nid)
}

import { hot, type OAuthSessionsTable, type Reader, type Tx } from '../../storage/index.ts'

export type OAuthSession = OAuthSessionsTable

const selectSession = hot((db, p: { device: number }) =>
  db.selectFrom('oauth_sessions').where('device_nid', '=', p.device).selectAll(),
)

export const readSession = (db: Reader | Tx, device: number): Promise<OAuthSession | undefined> =>
  selectSession.first(db, { device })

/** Notes what the session of a device came of, in place of what it came of before. */
export async function putSession(tx: Tx, session: OAuthSession): Promise<void> {
  await tx.deleteFrom('oauth_sessions').where('device_nid', '=', session.device_nid).execute()
  await tx.insertInto('oauth_sessions').values(session).execute()
}

export async function deleteSessions(tx: Tx, devices: readonly number[]): Promise<void> {
  for (const device of devices) await deleteSession.run(tx, { device })
}

const deleteSession = hot((db, p: { device: number }) =>
  db.deleteFrom('oauth_sessions').where('device_nid', '=', p.device),
)

/** The device whose session has this mark, and whose it is. */
interface Marked {
  device: number
  deviceId: string
  user: number
}

const marked = (db: Reader | Tx) =>
  db
    .selectFrom('oauth_sessions')
    .innerJoin('devices', 'devices.nid', 'oauth_sessions.device_nid')
    .select(['devices.nid as device', 'devices.device_id as deviceId', 'devices.user_nid as user'])

export const readByCode = (db: Reader | Tx, codeHash: string): Promise<Marked | undefined> =>
  marked(db).where('code_hash', '=', codeHash).executeTakeFirst()

export const readByFamily = (db: Reader | Tx, familyHash: string): Promise<Marked | undefined> =>
  marked(db).where('family_hash', '=', familyHash).executeTakeFirst()

/** Which of a user's devices are signed in by OAuth 2.0, and with which client. */
export const readClientsOf = (db: Reader, user: number): Promise<{ device: number; clientId: string }[]> =>
  db
    .selectFrom('oauth_sessions')
    .innerJoin('devices', 'devices.nid', 'oauth_sessions.device_nid')
    .where('devices.user_nid', '=', user)
    .select(['devices.nid as device', 'oauth_sessions.client_id as clientId'])
    .execute()

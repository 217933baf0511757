import { hot, type Reader, type Tx } from '../../storage/index.ts'

/**
 * What tokens of a provider have in common by which they are revoked: their user, session, own name, device, or the very token. Nothing
 * says that two people never have sessions or tokens of one name: `subject_sid` and `subject_jti` are one person's, `sid` and `jti`
 * everybody's, as the operator writes them. `sidless` are the tokens of a user that name no session.
 */
export type MarkKind = 'sub' | 'sid' | 'jti' | 'subject_sid' | 'subject_jti' | 'sidless' | 'device' | 'token'

export interface Mark {
  /** The people that `value` is of: the id of a provider. */
  readonly provider: string
  readonly kind: MarkKind
  readonly value: string
}

/** A mark whose tokens are good no more. Times are ms. */
export interface Revocation extends Mark {
  readonly revoked: number
  /** When every such token has run out; null: not known. */
  readonly expires: number | null
}

export const readRevocations = async (db: Reader): Promise<Revocation[]> => {
  const rows = await db.selectFrom('revoked_tokens').selectAll().execute()
  // Only this folder writes the table.
  return rows.map((row) => ({
    provider: row.provider,
    kind: row.kind as MarkKind,
    value: row.value,
    revoked: row.revoked_ts,
    expires: row.expires_ts,
  }))
}

export const addRevocation = async (tx: Tx, { provider, kind, value, revoked, expires }: Revocation): Promise<void> => {
  await tx
    .insertInto('revoked_tokens')
    .values({ provider, kind, value, revoked_ts: revoked, expires_ts: expires })
    .onConflict((conflict) =>
      conflict.columns(['provider', 'kind', 'value']).doUpdateSet({ revoked_ts: revoked, expires_ts: expires }),
    )
    .execute()
}

export const deleteExpiredRevocations = async (tx: Tx, now: number): Promise<void> => {
  await tx.deleteFrom('revoked_tokens').where('expires_ts', '<=', now).execute()
}

const upsertDevice = hot((db, p: Mark & { device: number }) =>
  db
    .insertInto('bearer_devices')
    .values({ device_nid: p.device, provider: p.provider, kind: p.kind, value: p.value })
    .onConflict((conflict) =>
      conflict.column('device_nid').doUpdateSet((row) => ({
        provider: row.ref('excluded.provider'),
        kind: row.ref('excluded.kind'),
        value: row.ref('excluded.value'),
      })),
    ),
)

const selectDevice = hot((db, p: { device: number }) =>
  db.selectFrom('bearer_devices').where('device_nid', '=', p.device).select('value'),
)

/** The value of the mark that a device's tokens have in common. */
export const readBearerDevice = async (db: Reader, device: number): Promise<string | undefined> =>
  (await selectDevice.first(db, { device }))?.value

/** Notes what the tokens of a device have in common. */
export const noteBearerDevice = async (tx: Tx, device: number, mark: Mark): Promise<void> => {
  await upsertDevice.run(tx, { device, ...mark })
}

/** Takes out the marks of devices. */
export const takeBearerDevices = async (tx: Tx, devices: readonly number[]): Promise<Mark[]> => {
  const marks: Mark[] = []
  for (const device of devices) {
    const rows = await tx
      .deleteFrom('bearer_devices')
      .where('device_nid', '=', device)
      .returning(['provider', 'kind', 'value'])
      .execute()
    marks.push(...rows.map((row) => ({ provider: row.provider, kind: row.kind as MarkKind, value: row.value })))
  }
  return marks
}

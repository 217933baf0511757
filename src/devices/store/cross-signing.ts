import { hot, type CrossSigningKeysTable, type KeySignaturesTable, type Reader, type Tx } from '../../storage/index.ts'

export type CrossSigningRow = Omit<CrossSigningKeysTable, 'user_nid'>
export type SignatureRow = KeySignaturesTable

const select = hot((db, p: { user: number }) =>
  db.selectFrom('cross_signing_keys').where('user_nid', '=', p.user).select(['usage', 'public_key', 'json']),
)
const upsert = hot((db, p: CrossSigningKeysTable) =>
  db
    .insertInto('cross_signing_keys')
    .values({ user_nid: p.user_nid, usage: p.usage, public_key: p.public_key, json: p.json })
    .onConflict((conflict) =>
      conflict
        .columns(['user_nid', 'usage'])
        .doUpdateSet((row) => ({ public_key: row.ref('excluded.public_key'), json: row.ref('excluded.json') })),
    ),
)
const remove = hot((db, p: { user: number; usage: string }) =>
  db.deleteFrom('cross_signing_keys').where('user_nid', '=', p.user).where('usage', '=', p.usage),
)

const selectOwn = hot((db, p: { user: number }) =>
  db
    .selectFrom('key_signatures')
    .where('target_nid', '=', p.user)
    .where('signer_nid', '=', p.user)
    .select(['target', 'signer', 'signature']),
)
const selectOfTarget = hot((db, p: { user: number; target: string }) =>
  db
    .selectFrom('key_signatures')
    .where('target_nid', '=', p.user)
    .where('target', '=', p.target)
    .where('signer_nid', '=', p.user)
    .select(['signer', 'signature']),
)
const selectOfOthers = hot((db, p: { user: number }) =>
  db
    .selectFrom('key_signatures')
    .where('signer_nid', '=', p.user)
    .where('target_nid', '!=', p.user)
    .select(['target_nid', 'target', 'signer', 'signature']),
)
const insertSignature = hot((db, p: KeySignaturesTable) =>
  db
    .insertInto('key_signatures')
    .values({
      target_nid: p.target_nid,
      target: p.target,
      signer_nid: p.signer_nid,
      signer: p.signer,
      signature: p.signature,
    })
    .onConflict((conflict) =>
      conflict
        .columns(['target_nid', 'target', 'signer_nid', 'signer'])
        .doUpdateSet((row) => ({ signature: row.ref('excluded.signature') })),
    ),
)
const removeOf = hot((db, p: { user: number; target: string }) =>
  db.deleteFrom('key_signatures').where('target_nid', '=', p.user).where('target', '=', p.target),
)
const removeBy = hot((db, p: { user: number; signer: string }) =>
  db.deleteFrom('key_signatures').where('signer_nid', '=', p.user).where('signer', '=', p.signer),
)

const upsertChange = hot((db, p: { signer: number; target: number; position: number }) =>
  db
    .insertInto('key_signature_changes')
    .values({ signer_nid: p.signer, target_nid: p.target, position: p.position })
    .onConflict((conflict) =>
      conflict.columns(['signer_nid', 'target_nid']).doUpdateSet((row) => ({ position: row.ref('excluded.position') })),
    ),
)
const selectChanges = hot((db, p: { signer: number; since: number; until: number }) =>
  db
    .selectFrom('key_signature_changes')
    .where('signer_nid', '=', p.signer)
    .where('position', '>', p.since)
    .where('position', '<=', p.until)
    .select('target_nid'),
)

export const readCrossSigning = (db: Reader | Tx, user: number): Promise<CrossSigningRow[]> => select.all(db, { user })

export async function saveCrossSigningKey(tx: Tx, user: number, key: CrossSigningRow): Promise<void> {
  await upsert.run(tx, { ...key, user_nid: user })
}

export async function deleteCrossSigningKey(tx: Tx, user: number, usage: string): Promise<void> {
  await remove.run(tx, { user, usage })
}

/** The user's signatures of the user's own keys. */
export const readOwnSignatures = (
  db: Reader | Tx,
  user: number,
): Promise<Array<Pick<SignatureRow, 'target' | 'signer' | 'signature'>>> => selectOwn.all(db, { user })

/** The user's signatures of one of their own keys. */
export const readSignaturesOf = (
  db: Reader | Tx,
  user: number,
  target: string,
): Promise<Array<Pick<SignatureRow, 'signer' | 'signature'>>> => selectOfTarget.all(db, { user, target })

/** The user's signatures of other users' keys. */
export const readSignaturesOfOthers = (
  db: Reader | Tx,
  user: number,
): Promise<Array<Omit<SignatureRow, 'signer_nid'>>> => selectOfOthers.all(db, { user })

export async function saveSignature(tx: Tx, signature: SignatureRow): Promise<void> {
  await insertSignature.run(tx, signature)
}

/** Deletes everybody's signatures of a key of the user's. */
export async function deleteSignaturesOf(tx: Tx, user: number, target: string): Promise<void> {
  await removeOf.run(tx, { user, target })
}

/** Deletes what the user signed with a key. `signer` has the algorithm before it. */
export async function deleteSignaturesBy(tx: Tx, user: number, signer: string): Promise<void> {
  await removeBy.run(tx, { user, signer })
}

/** Deletes a user's keys, and all signatures of and by the user. */
export async function deleteCrossSigning(tx: Tx, user: number): Promise<void> {
  await tx.deleteFrom('cross_signing_keys').where('user_nid', '=', user).execute()
  await tx.deleteFrom('key_signatures').where('target_nid', '=', user).execute()
  await tx.deleteFrom('key_signatures').where('signer_nid', '=', user).execute()
  await tx.deleteFrom('key_signature_changes').where('signer_nid', '=', user).execute()
}

export async function saveSignatureChange(tx: Tx, signer: number, target: number, position: number): Promise<void> {
  await upsertChange.run(tx, { signer, target, position })
}

/** Users whose keys the signer last signed in `(since, until]`. */
export const readSignatureChanges = async (
  db: Reader,
  signer: number,
  since: number,
  until: number,
): Promise<number[]> => (await selectChanges.all(db, { signer, since, until })).map((row) => row.target_nid)

import { hot, type Reader, type Tx } from '../../storage/index.ts'

const select = hot((db, p: { user: number }) =>
  db.selectFrom('profile_fields').where('user_nid', '=', p.user).orderBy('key').select(['key', 'value']),
)
const upsert = hot((db, p: { user: number; key: string; value: string }) =>
  db
    .insertInto('profile_fields')
    .values({ user_nid: p.user, key: p.key, value: p.value })
    .onConflict((conflict) =>
      conflict.columns(['user_nid', 'key']).doUpdateSet((row) => ({ value: row.ref('excluded.value') })),
    ),
)
const remove = hot((db, p: { user: number; key: string }) =>
  db.deleteFrom('profile_fields').where('user_nid', '=', p.user).where('key', '=', p.key),
)

/** Values are JSON. */
export const readProfileFields = (db: Reader | Tx, user: number): Promise<Array<{ key: string; value: string }>> =>
  select.all(db, { user })

export async function saveProfileField(tx: Tx, user: number, key: string, value: string): Promise<void> {
  await upsert.run(tx, { user, key, value })
}

export async function deleteProfileField(tx: Tx, user: number, key: string): Promise<void> {
  await remove.run(tx, { user, key })
}

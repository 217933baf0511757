import type { StoredRules } from '../../matrix/push-rules/index.ts'
import { hot, type PushRulesTable, type Reader, type Tx } from '../../storage/index.ts'

const find = hot((db, p: { user: number }) => db.selectFrom('push_rules').where('user_nid', '=', p.user).selectAll())

const put = hot((db, p: PushRulesTable) =>
  db
    .insertInto('push_rules')
    .values({ user_nid: p.user_nid, stored: p.stored, position: p.position })
    .onConflict((conflict) =>
      conflict
        .column('user_nid')
        .doUpdateSet((row) => ({ stored: row.ref('excluded.stored'), position: row.ref('excluded.position') })),
    ),
)

/** What a user changed about their push rules; undefined: nothing ever. */
export async function readRules(
  db: Reader | Tx,
  user: number,
): Promise<{ stored: StoredRules; position: number } | undefined> {
  const row = await find.first(db, { user })
  // The JSON is our own, written from values of this type.
  return row && { stored: JSON.parse(row.stored) as StoredRules, position: row.position }
}

export async function writeRules(tx: Tx, user: number, stored: StoredRules, position: number): Promise<void> {
  await put.run(tx, { user_nid: user, stored: JSON.stringify(stored), position })
}

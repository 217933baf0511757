import { hot, type Reader, type Tx } from '../../storage/index.ts'

const add = hot((db, p: { eventId: string; redaction: number }) =>
  db
    .insertInto('pending_redactions')
    .values({ event_id: p.eventId, redaction_nid: p.redaction })
    .onConflict((conflict) => conflict.doNothing()),
)

const of = hot((db, p: { eventId: string }) =>
  db
    .selectFrom('pending_redactions')
    .where('event_id', '=', p.eventId)
    .orderBy('redaction_nid')
    .limit(20)
    .select('redaction_nid'),
)

/** Keeps it in mind that an event which has not come is redacted. */
export async function addPendingRedaction(tx: Tx, eventId: string, redaction: number): Promise<void> {
  add.later(tx, { eventId, redaction })
}

/** Short ids of the redactions that came before their event. */
export const readPendingRedactions = async (db: Reader, eventId: string): Promise<number[]> =>
  (await of.all(db, { eventId })).map((row) => row.redaction_nid)

import { canonicalJson, type JsonObject } from '../../matrix/json.ts'
import { unpaddedBase64 } from '../../matrix/signing.ts'
import { clear, putRows } from '../store/rows.ts'
import { reserve, saveSetting } from '../store/mark.ts'
import type { ImportContext } from '../target.ts'

const size = 500

/** What other servers and bridges have been told, and what is known of them. `position` is the end of the log. */
export async function importOutside(ctx: ImportContext, position: number): Promise<void> {
  await ctx.database.write(async (tx) => {
    await clear(tx, ['server_keys', 'destination_debts', 'destination_mail', 'appservices'])
    // Nothing that lies before this is told to gateways of pushes.
    await saveSetting(tx, 'push_position', String(position))
    await saveSetting(tx, 'federation_position', String(position))
  })
  await importServerKeys(ctx)
  await importDebts(ctx)
  await importMail(ctx)
  await importBridges(ctx, position)
}

/** Keys of other servers, by which what they signed long ago can still be checked. */
async function importServerKeys({ source, database, report, serverName }: ImportContext): Promise<void> {
  interface Row {
    server_name: string
    key_id: string
    verify_key: Uint8Array
    ts_valid_until_ms: number | null
  }
  for await (const found of source.scan<Row>(
    { columns: 't.server_name, t.key_id, t.verify_key, t.ts_valid_until_ms', from: 'server_signature_keys t' },
    size,
  )) {
    const rows = found.filter((row) => row.server_name !== serverName && row.key_id.startsWith('ed25519:'))
    const keys = rows.map((row) => ({
      server: row.server_name,
      key_id: row.key_id,
      public_key: unpaddedBase64(row.verify_key),
      valid_until: row.ts_valid_until_ms ?? 0,
    }))
    await database.write((tx) => putRows(tx, 'server_keys', keys, { key: ['server', 'key_id'] }))
    report.count('keys of other servers', rows.length)
  }
}

/** Rooms of which a server has not heard the newest events. */
async function importDebts({ source, database, names, report }: ImportContext): Promise<void> {
  interface Row {
    destination: string
    room_id: string
  }
  for await (const rows of source.scan<Row>(
    {
      columns: 't.destination, t.room_id',
      from: 'destination_rooms t join destinations d on d.destination = t.destination',
      where: 't.stream_ordering > coalesce(d.last_successful_stream_ordering, 0)',
    },
    size,
  )) {
    const rooms = await names.rooms(rows.map((row) => row.room_id))
    const debts = rows.flatMap((row) => {
      const nid = rooms.get(row.room_id)
      return nid === undefined ? [] : [{ server: row.destination, kind: 'room' as const, nid }]
    })
    await database.write((tx) =>
      putRows(tx, 'destination_debts', debts, { key: ['server', 'kind', 'nid'], keep: 'all' }),
    )
    report.count('rooms that other servers have not heard the end of', rows.length, debts.length)
  }
}

/** Messages to devices of other servers that these have not taken, and whose devices have changed that they have not heard of. */
async function importMail({ source, database, names, report }: ImportContext): Promise<void> {
  interface Mail {
    destination: string
    stream_id: number
    messages_json: string
  }
  let last = 0
  for await (const rows of source.scan<Mail>(
    { columns: 't.destination, t.stream_id, t.messages_json', from: 'device_federation_outbox t' },
    size,
  )) {
    const mail = rows.map((row) => ({
      nid: (last += 1),
      server: row.destination,
      json: canonicalJson(JSON.parse(row.messages_json) as JsonObject), // the content of an EDU, as Synapse would send it
    }))
    await database.write((tx) => putRows(tx, 'destination_mail', mail))
    report.count('messages to devices of other servers', rows.length)
  }
  await database.write((tx) => reserve(tx, 'destination_mail', last))
  interface Poke {
    destination: string
    user_id: string
  }
  for await (const rows of source.scan<Poke>(
    { columns: 't.destination, t.user_id', from: 'device_lists_outbound_pokes t', where: 'not t.sent' },
    size,
  )) {
    const users = await names.users(rows.map((row) => row.user_id))
    const debts = [...new Set(rows.map((row) => `${row.destination} ${users.get(row.user_id)}`))].map((pair) => {
      const [server = '', nid = ''] = pair.split(' ')
      return { server, kind: 'user' as const, nid: Number(nid) }
    })
    await database.write((tx) =>
      putRows(tx, 'destination_debts', debts, { key: ['server', 'kind', 'nid'], keep: 'all' }),
    )
  }
}

/** How far each bridge has been told: what Synapse could not hand over is told from here on. */
async function importBridges(ctx: ImportContext, position: number): Promise<void> {
  const { source, database, report, randomId, bridges } = ctx
  const [row] = await source.rows<{ stream_ordering: number | null }>(
    'select stream_ordering from appservice_stream_position',
  )
  const told = Math.min(row?.stream_ordering ?? position, position)
  for (const id of bridges) {
    const waiting = await source.rows<{ event_ids: string }>(
      'select event_ids from application_services_txns where as_id = ? order by txn_id limit 1',
      [id],
    )
    const [first] = (waiting[0] ? (JSON.parse(waiting[0].event_ids) as string[]) : []).slice(0, 1)
    const [event] = first
      ? await source.rows<{ stream_ordering: number }>('select stream_ordering from events where event_id = ?', [first])
      : []
    const from = Math.min(told, event ? event.stream_ordering - 1 : told)
    await database.write((tx) =>
      putRows(
        tx,
        'appservices',
        [{ id, epoch: randomId().slice(0, 8), position: from, txn: 0, body: null, body_position: from }],
        { key: ['id'] },
      ),
    )
    report.count('bridges', 1)
  }
}

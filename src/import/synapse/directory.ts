import { parseRoomAlias } from '../../matrix/ids.ts'
import { clear, putRows } from '../store/rows.ts'
import type { ImportContext } from '../target.ts'

const size = 500

/** Aliases, blocked rooms, reports, and tokens to register with. */
export async function importDirectory(ctx: ImportContext): Promise<void> {
  await ctx.database.write((tx) =>
    clear(tx, ['aliases', 'blocked_rooms', 'reports', 'registration_tokens', 'appservice_rooms']),
  )
  await importAliases(ctx)
  await importBlocks(ctx)
  await importReports(ctx)
  await importRegistrationTokens(ctx)
}

async function importAliases({ source, database, names, report, serverName }: ImportContext): Promise<void> {
  interface Row {
    room_alias: string
    room_id: string
    creator: string | null
  }
  for await (const rows of source.scan<Row>(
    { columns: 't.room_alias, t.room_id, t.creator', from: 'room_aliases t' },
    size,
  )) {
    const users = await names.users(rows.flatMap((row) => row.creator ?? []))
    const rooms = await names.rooms(rows.map((row) => row.room_id))
    const aliases = rows.flatMap((row) => {
      const room = rooms.get(row.room_id)
      const isOurs = parseRoomAlias(row.room_alias)?.serverName === serverName
      if (room === undefined || !isOurs) {
        report.leave('aliases of other servers, or of rooms that are not here', row.room_alias)
        return []
      }
      return [{ alias: row.room_alias, room_nid: room, creator_nid: users.get(row.creator ?? '') ?? 0 }]
    })
    await database.write((tx) => putRows(tx, 'aliases', aliases, { key: ['alias'] }))
    report.count('aliases', rows.length, aliases.length)
  }
  interface ListRow {
    appservice_id: string
    network_id: string
    room_id: string
  }
  for await (const rows of source.scan<ListRow>(
    { columns: 't.appservice_id, t.network_id, t.room_id', from: 'appservice_room_list t' },
    size,
  )) {
    const rooms = await names.rooms(rows.map((row) => row.room_id))
    const listed = rows.flatMap((row) => {
      const room = rooms.get(row.room_id)
      return room === undefined ? [] : [{ appservice: row.appservice_id, network: row.network_id, room_nid: room }]
    })
    await database.write((tx) =>
      putRows(tx, 'appservice_rooms', listed, { key: ['appservice', 'network', 'room_nid'] }),
    )
    report.count('rooms that bridges list', rows.length, listed.length)
  }
}

async function importBlocks({ source, database, report, now }: ImportContext): Promise<void> {
  for await (const rows of source.scan<{ room_id: string; user_id: string }>(
    { columns: 't.room_id, t.user_id', from: 'blocked_rooms t' },
    size,
  )) {
    const blocks = rows.map((row) => ({ room_id: row.room_id, blocked_by: row.user_id, blocked_ts: now() }))
    await database.write((tx) => putRows(tx, 'blocked_rooms', blocks, { key: ['room_id'] }))
    report.count('blocked rooms', rows.length)
  }
}

/** Of several reports by one user on one thing the newest is kept. */
async function importReports({ source, database, names, report }: ImportContext): Promise<void> {
  interface Row {
    user_id: string
    target: string
    room_id: string | null
    reason: string | null
    content: string | null
    received_ts: number
  }
  for (const [from, target, room, content] of [
    ['event_reports t', 't.event_id', 't.room_id', 't.content'],
    ['room_reports t', 't.room_id', 'null', 'null'],
    ['user_reports t', 't.target_user_id', 'null', 'null'],
  ] as const)
    for await (const rows of source.scan<Row>(
      {
        columns: `t.user_id, ${target} as target, ${room} as room_id, t.reason, ${content} as content, t.received_ts`,
        from,
      },
      size,
    )) {
      const users = await names.users(rows.map((row) => row.user_id))
      const newest = new Map(rows.map((row) => [`${row.user_id} ${row.target}`, row]))
      const reports = [...newest.values()].map((row) => {
        const { score } = (row.content === null ? {} : JSON.parse(row.content)) as { score?: unknown }
        return {
          reporter_nid: users.get(row.user_id) ?? 0,
          target: row.target,
          room_id: row.room_id,
          reason: row.reason ?? '',
          created_ts: row.received_ts,
          score: typeof score === 'number' ? score : null,
        }
      })
      await database.write((tx) => putRows(tx, 'reports', reports, { key: ['reporter_nid', 'target'] }))
      report.count('reports', rows.length, reports.length)
    }
}

async function importRegistrationTokens({ source, database, report, now }: ImportContext): Promise<void> {
  interface Row {
    token: string
    uses_allowed: number | null
    completed: number
    expiry_time: number | null
  }
  for await (const rows of source.scan<Row>(
    { columns: 't.token, t.uses_allowed, t.completed, t.expiry_time', from: 'registration_tokens t' },
    size,
  )) {
    const tokens = rows.map((row) => ({
      token: row.token,
      uses_allowed: row.uses_allowed,
      completed: row.completed,
      expires_ts: row.expiry_time,
      created_ts: now(),
    }))
    await database.write((tx) => putRows(tx, 'registration_tokens', tokens, { key: ['token'] }))
    report.count('registration tokens', rows.length)
  }
}

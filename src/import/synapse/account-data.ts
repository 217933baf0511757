import { createHash } from 'node:crypto'
import type { JsonObject } from '../../matrix/json.ts'
import { clear, putRows } from '../store/rows.ts'
import { textOf, type ImportContext } from '../target.ts'

const size = 500

/** What clients keep on the server for their users. `position` is where all of it is in the log. */
export async function importAccountData(ctx: ImportContext, position: number): Promise<void> {
  const { source, database, names, report } = ctx
  await database.write((tx) => clear(tx, ['account_data', 'filters', 'presence']))
  interface Row {
    user_id: string
    room_id: string | null
    account_data_type: string
    content: string
  }
  const put = async (kind: string, rows: readonly Row[]): Promise<void> => {
    const users = await names.users(rows.map((row) => row.user_id))
    const rooms = await names.rooms(rows.flatMap((row) => row.room_id ?? []))
    const kept = rows.flatMap((row) => {
      const room = row.room_id === null ? 0 : rooms.get(row.room_id)
      if (room === undefined)
        report.leave('account data of rooms that are not here', `${row.room_id} of ${row.user_id}`)
      return room === undefined
        ? []
        : [
            {
              user_nid: users.get(row.user_id) ?? 0,
              room_nid: room,
              type: row.account_data_type,
              content: row.content,
              position,
            },
          ]
    })
    await database.write((tx) => putRows(tx, 'account_data', kept, { key: ['user_nid', 'room_nid', 'type'] }))
    report.count(kind, rows.length, kept.length)
  }
  for await (const rows of source.scan<Row>(
    { columns: 't.user_id, t.account_data_type, t.content', from: 'account_data t' },
    size,
  ))
    await put(
      'account data',
      rows.map((row) => ({ ...row, room_id: null })),
    )
  for await (const rows of source.scan<Row>(
    { columns: 't.user_id, t.room_id, t.account_data_type, t.content', from: 'room_account_data t' },
    size,
  ))
    await put('account data of rooms', rows)
  await importTags(ctx, put)
  await importFilters(ctx)
  await importStatus(ctx)
}

interface TagRow {
  user_id: string
  room_id: string
  tag: string
  content: string
}

/** Tags have a table of their own in Synapse, and are account data everywhere else. */
async function importTags(
  { source }: ImportContext,
  put: (
    kind: string,
    rows: readonly { user_id: string; room_id: string; account_data_type: string; content: string }[],
  ) => Promise<void>,
): Promise<void> {
  for await (const found of source.scan<{ user_id: string; room_id: string }>(
    {
      columns: 't.user_id, t.room_id',
      from: 'room_tags t',
      // One row of each user and room.
      where:
        'not exists (select 1 from room_tags o where o.user_id = t.user_id and o.room_id = t.room_id and o.tag < t.tag)',
    },
    size,
  )) {
    const pairs = new Set(found.map((row) => `${row.user_id} ${row.room_id}`))
    const users = [...new Set(found.map((row) => row.user_id))]
    const tags = (
      await source.rows<TagRow>(
        `select user_id, room_id, tag, content from room_tags where user_id in (${users.map(() => '?').join(', ')})`,
        users,
      )
    ).filter((row) => pairs.has(`${row.user_id} ${row.room_id}`))
    const grouped = Map.groupBy(tags, (row) => `${row.user_id} ${row.room_id}`)
    await put(
      'rooms with tags',
      [...grouped.values()].flatMap((rows) => {
        const [first] = rows
        if (!first) return []
        const content = {
          tags: Object.fromEntries(rows.map((row) => [row.tag, JSON.parse(row.content) as JsonObject])),
        }
        return [{ ...first, account_data_type: 'm.tag', content: JSON.stringify(content) }]
      }),
    )
  }
}

/** Filters keep their ids: clients remember these. */
async function importFilters({ source, database, names, report, serverName }: ImportContext): Promise<void> {
  interface Row {
    /** The local part of the name. */
    user_id: string
    filter_id: number
    filter_json: unknown
  }
  for await (const rows of source.scan<Row>(
    {
      columns: 't.user_id, t.filter_id, t.filter_json',
      from: 'user_filters t',
    },
    size,
  )) {
    const idOf = (row: Row): string => `@${row.user_id}:${serverName}`
    const users = await names.users(rows.map(idOf))
    const filters = rows.map((row) => {
      const json = textOf(row.filter_json)
      return {
        user_nid: users.get(idOf(row)) ?? 0,
        filter_id: row.filter_id,
        hash: createHash('sha256').update(json).digest('base64url'),
        json,
      }
    })
    const known = new Set<string>()
    const unlike = filters.map((one) => {
      const key = `${one.user_nid} ${one.hash}`
      const isKnown = known.has(key)
      known.add(key)
      // The same filter twice: the second is found by its id alone.
      return isKnown ? { ...one, hash: `${one.hash} ${one.filter_id}` } : one
    })
    await database.write((tx) => putRows(tx, 'filters', unlike, { key: ['user_nid', 'filter_id'] }))
    report.count('filters', rows.length)
  }
}

async function importStatus({ source, database, names }: ImportContext): Promise<void> {
  for await (const rows of source.scan<{ user_id: string; status_msg: string }>(
    {
      columns: 't.user_id, t.status_msg',
      from: 'presence_stream t',
      where: `t.status_msg is not null and t.status_msg <> '' and not exists
        (select 1 from presence_stream o where o.user_id = t.user_id and o.stream_id > t.stream_id)`,
    },
    size,
  )) {
    const users = await names.users(rows.map((row) => row.user_id))
    await database.write((tx) =>
      putRows(
        tx,
        'presence',
        rows.map((row) => ({ user_nid: users.get(row.user_id) ?? 0, status_msg: row.status_msg })),
        { key: ['user_nid'] },
      ),
    )
  }
}

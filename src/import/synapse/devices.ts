import { hashToken } from '../../sessions/index.ts'
import { readDeviceNids } from '../store/names.ts'
import { deleteGoneDevices } from '../store/devices.ts'
import { clear, putRows } from '../store/rows.ts'
import { isTrue, type ImportContext } from '../target.ts'

interface DeviceRow {
  user_id: string
  device_id: string
  display_name: string | null
  last_seen: number | null
  ip: string | null
  user_agent: string | null
  hidden: unknown
}

const size = 1000

/** Short ids of devices by user id and device id. */
export interface DeviceNids {
  of(pairs: readonly { user_id: string; device_id: string | null }[]): Promise<(pair: object) => number | undefined>
}

const keyOf = (user: number | undefined, device: string | null): string => `${user}/${device}`

/** Finds the short ids of some devices, all with one query. What is answered is asked by the same objects. */
export const openDeviceNids = ({ database, names }: ImportContext): DeviceNids => ({
  of: async (pairs) => {
    const users = await names.users(pairs.map((pair) => pair.user_id))
    const rows = await readDeviceNids(database.read, [...new Set(users.values())])
    const known = new Map(rows.map((row) => [keyOf(row.user_nid, row.device_id), row.nid]))
    const found = new Map<object, number | undefined>(
      pairs.map((pair) => [pair, known.get(keyOf(users.get(pair.user_id), pair.device_id))]),
    )
    return (pair) => found.get(pair)
  },
})

/** Devices; those that Synapse hides are no devices but cross-signing keys. */
export async function importDevices(ctx: ImportContext, of: number): Promise<void> {
  const { database, source, names, ids, report, tell } = ctx
  const nids = openDeviceNids(ctx)
  const columns = 't.user_id, t.device_id, t.display_name, t.last_seen, t.ip, t.user_agent, t.hidden'
  let done = 0
  // Marked, so that those are known that are not there any more.
  await database.write((tx) => tx.updateTable('devices').set({ cut_token: -1 }).execute())
  for await (const found of source.scan<DeviceRow>({ columns, from: 'devices t' }, size)) {
    const rows = found.filter(({ hidden }) => !isTrue(hidden))
    const users = await names.users(rows.map((row) => row.user_id))
    const known = await nids.of(rows)
    const devices = rows.map((row) => ({
      nid: known(row) ?? ids.devices.next(),
      user_nid: users.get(row.user_id) ?? 0,
      device_id: row.device_id,
      display_name: row.display_name,
      created_ts: row.last_seen ?? 0,
      last_seen_ts: row.last_seen ?? 0,
      last_seen_ip: row.ip,
      user_agent: row.user_agent,
      cut_token: null,
      cut_position: null,
    }))
    await database.write((tx) => putRows(tx, 'devices', devices, { key: ['nid'] }))
    report.count('devices', rows.length)
    tell({ part: 'devices', done: (done += found.length), of })
  }
  await database.write((tx) => deleteGoneDevices(tx))
}

interface AccessRow {
  id: number
  user_id: string
  device_id: string | null
  token: string
  valid_until_ms: number | null
  puppets_user_id: string | null
  refresh_token_id: number | null
  used: unknown
}

interface RefreshRow {
  id: number
  user_id: string
  device_id: string
  token: string
  next_token_id: number | null
  expiry_ts: number | null
  ultimate_session_expiry_ts: number | null
}

/**
 * Access and refresh tokens, so that nobody has to sign in again. Synapse keeps them as they are, Latchkey their hashes: the tokens go on.
 * Ids are those of Synapse: of access tokens even ones, of refresh tokens odd ones.
 */
export async function importTokens(ctx: ImportContext, of: number): Promise<void> {
  const { database, source, names, report, tell } = ctx
  const nids = openDeviceNids(ctx)
  const accessId = (id: number): number => 2 * id
  const refreshId = (id: number): number => 2 * id + 1
  await database.write((tx) => clear(tx, ['access_tokens', 'refresh_tokens']))
  let done = 0
  const access = `t.id, t.user_id, t.device_id, t.token, t.valid_until_ms, t.puppets_user_id, t.refresh_token_id, t.used, r.id as replaced`
  // What the refresh token was exchanged for that came before: it counts until the new access token is used.
  const from = 'access_tokens t left join refresh_tokens r on r.next_token_id = t.refresh_token_id'
  for await (const rows of source.scan<AccessRow & { replaced: number | null }>({ columns: access, from }, size)) {
    const users = await names.users(rows.flatMap((row) => [row.user_id, row.puppets_user_id ?? row.user_id]))
    const device = await nids.of(rows)
    const kept = rows.filter((row) => row.device_id === null || device(row) !== undefined)
    const tokens = kept.map((row) => ({
      id: accessId(row.id),
      token_hash: hashToken(row.token),
      user_nid: users.get(row.puppets_user_id ?? row.user_id) ?? 0,
      device_nid: row.device_id === null ? null : (device(row) ?? null),
      created_ts: 0,
      expires_ts: row.valid_until_ms,
      supersedes_id: row.replaced === null || isTrue(row.used) ? null : refreshId(row.replaced),
      acting_nid: row.puppets_user_id === null ? null : (users.get(row.user_id) ?? null),
    }))
    await database.write((tx) => putRows(tx, 'access_tokens', tokens, { key: ['id'] }))
    report.count('access tokens', rows.length, kept.length)
    if (kept.length < rows.length)
      report.leave('access tokens of devices that are not there', String(rows.length), rows.length - kept.length)
    tell({ part: 'access tokens', done: (done += rows.length), of })
  }
  await importRefreshTokens(ctx, nids, { accessId, refreshId })
}

async function importRefreshTokens(
  { database, source, names, report }: ImportContext,
  nids: DeviceNids,
  { accessId, refreshId }: { accessId: (id: number) => number; refreshId: (id: number) => number },
): Promise<void> {
  const columns = `t.id, t.user_id, t.device_id, t.token, t.next_token_id, t.expiry_ts, t.ultimate_session_expiry_ts,
    (select max(a.id) from access_tokens a where a.refresh_token_id = t.id) as access`
  for await (const rows of source.scan<RefreshRow & { access: number | null }>(
    { columns, from: 'refresh_tokens t' },
    size,
  )) {
    const users = await names.users(rows.map((row) => row.user_id))
    const device = await nids.of(rows)
    const ends = (row: RefreshRow): number | null => {
      const times = [row.expiry_ts, row.ultimate_session_expiry_ts].filter((ts) => ts !== null)
      return times.length === 0 ? null : Math.min(...times)
    }
    const tokens = rows.flatMap((row) => {
      const nid = device(row)
      if (nid === undefined) return []
      return {
        id: refreshId(row.id),
        token_hash: hashToken(row.token),
        user_nid: users.get(row.user_id) ?? 0,
        device_nid: nid,
        access_id: row.access === null ? 0 : accessId(row.access),
        created_ts: 0,
        expires_ts: ends(row),
      }
    })
    await database.write((tx) => putRows(tx, 'refresh_tokens', tokens, { key: ['id'] }))
    report.count('refresh tokens', rows.length, tokens.length)
  }
}

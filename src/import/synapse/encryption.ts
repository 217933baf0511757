import { canonicalJson, own, type JsonObject } from '../../matrix/json.ts'
import { signedText } from '../../matrix/signing.ts'
import type { KeySignaturesTable } from '../../storage/index.ts'
import { sumBackups } from '../store/backups.ts'
import { clear, putRows } from '../store/rows.ts'
import { isTrue, type ImportContext } from '../target.ts'
import { openDeviceNids } from './devices.ts'

const size = 500

const objectIn = (text: string): JsonObject => JSON.parse(text) as JsonObject // Synapse stores objects alone

/** Signatures of a thing by its own user, as they stand in it. */
const ownSignatures = (object: JsonObject, userId: string, user: number, target: string): KeySignaturesTable[] =>
  Object.entries((own(own(object, 'signatures'), userId) ?? {}) as Record<string, unknown>).flatMap(
    ([signer, signature]) =>
      typeof signature === 'string' ? [{ target_nid: user, target, signer_nid: user, signer, signature }] : [],
  )

/** Everything that end-to-end encryption keeps on the server. `position` is where to-device messages begin. */
export async function importEncryption(ctx: ImportContext, position: number): Promise<void> {
  await ctx.database.write((tx) =>
    clear(tx, [
      'device_keys',
      'one_time_keys',
      'fallback_keys',
      'cross_signing_keys',
      'key_signatures',
      'device_list_changes',
      'key_backups',
      'backed_up_keys',
      'dehydrated_devices',
      'to_device',
    ]),
  )
  await importDeviceKeys(ctx, position)
  await importOneTimeKeys(ctx)
  await importCrossSigning(ctx)
  await importBackups(ctx)
  await importDehydrated(ctx)
  await importMessages(ctx, position)
}

async function importDeviceKeys(ctx: ImportContext, position: number): Promise<void> {
  const { source, database, names, report } = ctx
  const nids = openDeviceNids(ctx)
  interface Row {
    user_id: string
    device_id: string
    key_json: string
  }
  for await (const rows of source.scan<Row>(
    { columns: 't.user_id, t.device_id, t.key_json', from: 'e2e_device_keys_json t' },
    size,
  )) {
    const users = await names.users(rows.map((row) => row.user_id))
    const device = await nids.of(rows)
    const kept = rows.filter((row) => device(row) !== undefined)
    const read = kept.map((row) => ({ row, user: users.get(row.user_id) ?? 0, keys: objectIn(row.key_json) }))
    await database.write(async (tx) => {
      await putRows(
        tx,
        'device_keys',
        read.map(({ row, user, keys }) => ({ device_nid: device(row) ?? 0, user_nid: user, json: signedText(keys) })),
        { key: ['device_nid'] },
      )
      await putRows(
        tx,
        'key_signatures',
        read.flatMap(({ row, user, keys }) => ownSignatures(keys, row.user_id, user, row.device_id)),
        { key: ['target_nid', 'target', 'signer_nid', 'signer'] },
      )
      // Whoever comes with a token of Synapse is told to look at everybody's devices anew.
      await putRows(
        tx,
        'device_list_changes',
        [...new Set(read.map(({ user }) => user))].map((user) => ({ user_nid: user, position })),
        { key: ['user_nid'] },
      )
    })
    report.count('device keys', rows.length, kept.length)
    if (kept.length < rows.length)
      report.leave('keys of devices that are not there', rows[0]?.user_id ?? '', rows.length - kept.length)
  }
}

async function importOneTimeKeys(ctx: ImportContext): Promise<void> {
  const { source, database, report } = ctx
  const nids = openDeviceNids(ctx)
  interface Row {
    user_id: string
    device_id: string
    algorithm: string
    key_id: string
    key_json: string
    used?: unknown
  }
  const columns = 't.user_id, t.device_id, t.algorithm, t.key_id, t.key_json'
  // Those that are older are given out first, there and here.
  for await (const rows of source.scan<Row>({ columns, from: 'e2e_one_time_keys_json t' }, size)) {
    const device = await nids.of(rows)
    const keys = rows.flatMap((row) => {
      const nid = device(row)
      return nid === undefined
        ? []
        : [
            {
              device_nid: nid,
              algorithm: row.algorithm,
              key_id: row.key_id,
              json: canonicalJson(JSON.parse(row.key_json) as JsonObject),
              claimed: 0,
            },
          ]
    })
    await database.write((tx) => putRows(tx, 'one_time_keys', keys, { key: ['device_nid', 'algorithm', 'key_id'] }))
    report.count('one-time keys', rows.length, keys.length)
  }
  for await (const rows of source.scan<Row>(
    { columns: `${columns}, t.used`, from: 'e2e_fallback_keys_json t' },
    size,
  )) {
    const device = await nids.of(rows)
    const keys = rows.flatMap((row) => {
      const nid = device(row)
      return nid === undefined
        ? []
        : [
            {
              device_nid: nid,
              algorithm: row.algorithm,
              key_id: row.key_id,
              json: canonicalJson(JSON.parse(row.key_json) as JsonObject),
              used: isTrue(row.used) ? 1 : 0,
            },
          ]
    })
    await database.write((tx) => putRows(tx, 'fallback_keys', keys, { key: ['device_nid', 'algorithm'] }))
    report.count('fallback keys', rows.length, keys.length)
  }
}

/** Cross-signing keys, the newest of each kind, and the signatures that are kept apart from what they sign. */
async function importCrossSigning({ source, database, names, report }: ImportContext): Promise<void> {
  interface KeyRow {
    user_id: string
    keytype: string
    keydata: string
  }
  const newest = `not exists (select 1 from e2e_cross_signing_keys o
    where o.user_id = t.user_id and o.keytype = t.keytype and o.stream_id > t.stream_id)`
  for await (const rows of source.scan<KeyRow>(
    { columns: 't.user_id, t.keytype, t.keydata', from: 'e2e_cross_signing_keys t', where: newest },
    size,
  )) {
    const users = await names.users(rows.map((row) => row.user_id))
    const read = rows.flatMap((row) => {
      const object = objectIn(row.keydata)
      const [key] = Object.values((own(object, 'keys') ?? {}) as Record<string, unknown>)
      return typeof key === 'string' ? [{ row, object, key, user: users.get(row.user_id) ?? 0 }] : []
    })
    await database.write(async (tx) => {
      await putRows(
        tx,
        'cross_signing_keys',
        read.map(({ row, object, key, user }) => ({
          user_nid: user,
          usage: row.keytype,
          public_key: key,
          json: signedText(object),
        })),
        { key: ['user_nid', 'usage'] },
      )
      await putRows(
        tx,
        'key_signatures',
        read.flatMap(({ row, object, key, user }) => ownSignatures(object, row.user_id, user, key)),
        { key: ['target_nid', 'target', 'signer_nid', 'signer'] },
      )
    })
    report.count('cross-signing keys', rows.length, read.length)
  }
  interface SignatureRow {
    user_id: string
    key_id: string
    target_user_id: string
    target_device_id: string
    signature: string
  }
  for await (const rows of source.scan<SignatureRow>(
    {
      columns: 't.user_id, t.key_id, t.target_user_id, t.target_device_id, t.signature',
      from: 'e2e_cross_signing_signatures t',
    },
    size,
  )) {
    const users = await names.users(rows.flatMap((row) => [row.user_id, row.target_user_id]))
    await database.write((tx) =>
      putRows(
        tx,
        'key_signatures',
        rows.map((row) => ({
          target_nid: users.get(row.target_user_id) ?? 0,
          target: row.target_device_id,
          signer_nid: users.get(row.user_id) ?? 0,
          signer: row.key_id,
          signature: row.signature,
        })),
        { key: ['target_nid', 'target', 'signer_nid', 'signer'] },
      ),
    )
    report.count('signatures of devices and of people', rows.length)
  }
}

async function importBackups({ source, database, names, report, tell }: ImportContext): Promise<void> {
  interface VersionRow {
    user_id: string
    version: number
    algorithm: string
    auth_data: string
    deleted: unknown
    etag: number | null
  }
  for await (const rows of source.scan<VersionRow>(
    {
      columns: 't.user_id, t.version, t.algorithm, t.auth_data, t.deleted, t.etag',
      from: 'e2e_room_keys_versions t',
    },
    size,
  )) {
    const users = await names.users(rows.map((row) => row.user_id))
    await database.write((tx) =>
      putRows(
        tx,
        'key_backups',
        rows.map((row) => ({
          user_nid: users.get(row.user_id) ?? 0,
          version: row.version,
          algorithm: row.algorithm,
          auth_data: isTrue(row.deleted) ? '{}' : row.auth_data,
          etag: row.etag ?? 0,
          keys: 0,
          bytes: 0,
          deleted: isTrue(row.deleted) ? 1 : 0,
        })),
        { key: ['user_nid', 'version'] },
      ),
    )
    report.count('key backups', rows.filter((row) => !isTrue(row.deleted)).length)
  }
  interface KeyRow {
    user_id: string
    room_id: string
    session_id: string
    version: number
    first_message_index: number | null
    forwarded_count: number | null
    is_verified: unknown
    session_data: string
  }
  const [all] = await source.rows<{ count: number }>('select count(*) as count from e2e_room_keys')
  let done = 0
  for await (const rows of source.scan<KeyRow>(
    {
      columns: `t.user_id, t.room_id, t.session_id, t.version, t.first_message_index, t.forwarded_count, t.is_verified, t.session_data`,
      from: 'e2e_room_keys t join e2e_room_keys_versions v on v.user_id = t.user_id and v.version = t.version',
      where: 'v.deleted = 0',
    },
    size,
  )) {
    const users = await names.users(rows.map((row) => row.user_id))
    await database.write((tx) =>
      putRows(
        tx,
        'backed_up_keys',
        rows.map((row) => ({
          user_nid: users.get(row.user_id) ?? 0,
          version: row.version,
          room_id: row.room_id,
          session_id: row.session_id,
          first_message_index: row.first_message_index ?? 0,
          forwarded_count: row.forwarded_count ?? 0,
          is_verified: isTrue(row.is_verified) ? 1 : 0,
          session_data: row.session_data,
        })),
        { key: ['user_nid', 'version', 'room_id', 'session_id'] },
      ),
    )
    report.count('keys in backups', rows.length)
    tell({ part: 'keys in backups', done: (done += rows.length), of: Number(all?.count) })
  }
  await database.write((tx) => sumBackups(tx))
}

async function importDehydrated(ctx: ImportContext): Promise<void> {
  const { source, database, names, report } = ctx
  const nids = openDeviceNids(ctx)
  interface Row {
    user_id: string
    device_id: string
    device_data: string
  }
  for await (const rows of source.scan<Row>(
    { columns: 't.user_id, t.device_id, t.device_data', from: 'dehydrated_devices t' },
    size,
  )) {
    const users = await names.users(rows.map((row) => row.user_id))
    const device = await nids.of(rows)
    const kept = rows.flatMap((row) => {
      const nid = device(row)
      return nid === undefined
        ? []
        : [{ user_nid: users.get(row.user_id) ?? 0, device_nid: nid, data: row.device_data }]
    })
    await database.write((tx) => putRows(tx, 'dehydrated_devices', kept, { key: ['user_nid'] }))
    report.count('dehydrated devices', rows.length, kept.length)
  }
}

/** Messages that wait for devices, in their order. */
async function importMessages(ctx: ImportContext, position: number): Promise<void> {
  const { source, database, report } = ctx
  const nids = openDeviceNids(ctx)
  interface Row {
    user_id: string
    device_id: string
    stream_id: number
    message_json: string
  }
  const [first] = await source.rows<{ first: number | null }>('select min(stream_id) as first from device_inbox')
  const last = new Map<number, number>()
  for await (const rows of source.scan<Row>(
    { columns: 't.user_id, t.device_id, t.stream_id, t.message_json', from: 'device_inbox t' },
    size,
  )) {
    const device = await nids.of(rows)
    const messages = rows.flatMap((row) => {
      const nid = device(row)
      if (nid === undefined) return []
      const at = position + row.stream_id - (first?.first ?? 0)
      last.set(nid, at)
      const { sender, type, content } = objectIn(row.message_json)
      return [{ device_nid: nid, position: at, json: JSON.stringify({ sender, type, content }) }]
    })
    await database.write((tx) => putRows(tx, 'to_device', messages, { key: ['device_nid', 'position'] }))
    report.count('messages to devices', rows.length, messages.length)
    if (messages.length < rows.length)
      report.leave('messages to devices that are not there', rows[0]?.user_id ?? '', rows.length - messages.length)
  }
}

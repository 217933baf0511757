import { roomVersions } from '../../matrix/room-version.ts'
import type { Foreign } from '../../storage/index.ts'
import { openReport, type Report } from '../report.ts'
import { checkSchema } from './schema.ts'
import type { SynapseConfig } from './settings.ts'

/** What is counted, and where. */
const counted: readonly (readonly [name: string, from: string])[] = [
  ['accounts', 'users'],
  ['mail addresses and telephone numbers', 'user_threepids'],
  ['links to identity providers', 'user_external_ids'],
  ['devices', 'devices'],
  ['access tokens', 'access_tokens'],
  ['refresh tokens', 'refresh_tokens'],
  ['rooms', 'rooms'],
  ['events', 'events'],
  ['redactions', 'redactions'],
  ['device keys', 'e2e_device_keys_json'],
  ['one-time keys', 'e2e_one_time_keys_json'],
  ['key backups', 'e2e_room_keys_versions where deleted = 0'],
  ['keys in backups', 'e2e_room_keys'],
  ['messages to devices', 'device_inbox'],
  ['account data', 'account_data'],
  ['account data of rooms', 'room_account_data'],
  ['receipts', 'receipts_linearized'],
  ['aliases', 'room_aliases'],
  ['files', 'local_media_repository where url_cache is null'],
]

/** Looks what there is, and what will be left out, without changing anything. @throws {DatabaseRefused} */
export async function surveySynapse(source: Foreign, _config: SynapseConfig): Promise<Report> {
  await checkSchema(source)
  const report = openReport()
  for (const [name, from] of counted) {
    const [row] = await source.rows<{ count: number }>(`select count(*) as count from ${from}`)
    report.count(name, Number(row?.count))
  }
  const rooms = await source.rows<{ room_id: string; room_version: string | null }>(
    `select room_id, room_version from rooms where coalesce(room_version, '1') not in (${[...roomVersions.keys()].map(() => '?').join(', ')})`,
    [...roomVersions.keys()],
  )
  for (const room of rooms)
    report.leave('rooms of versions that are not known here', `${room.room_id} (version ${room.room_version})`)
  const numbers = await source.rows<{ user_id: string }>(`select user_id from user_threepids where medium <> 'email'`)
  for (const { user_id: userId } of numbers) report.leave('telephone numbers: there is no sign-in by them here', userId)
  return report
}

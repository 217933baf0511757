import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { readSigningKey, writeSigningKey } from '../../matrix/signing.ts'
import { DatabaseRefused } from '../../storage/index.ts'
import { at, text, type SynapseConfig } from './settings.ts'

/** The keys that Synapse signs events with: the first one is in use, others were. */
function keysOf({ settings, path }: SynapseConfig): string[] {
  const inline = text(settings['signing_key'])
  const file = path(settings['signing_key_path']) ?? path(`${text(settings['server_name']) ?? ''}.signing.key`)
  if (inline === undefined && (file === undefined || !existsSync(file)))
    throw new DatabaseRefused(
      `There is no signing key at ${file ?? 'signing_key_path'}: without it this is another server.`,
    )
  return (inline ?? readFileSync(file ?? '', 'utf8'))
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
}

/** Keys that Synapse still lists: public halves, with when they ran out. */
function oldKeysOf({ settings }: SynapseConfig): string[] {
  const old = settings['old_signing_keys']
  if (typeof old !== 'object' || old === null) return []
  return Object.entries(old).flatMap(([id, value]) => {
    const [key, expired] = [text(at(value, 'key')), at(value, 'expired_ts')]
    return key === undefined || typeof expired !== 'number' ? [] : [`${id} ${key.replace(/=+$/, '')} ${expired}`]
  })
}

/**
 * Goes on with Synapse's signing key, so that other servers take this for the same server; the old ones stay listed.
 * @param file where the key goes
 * @returns how many keys there are
 * @throws {DatabaseRefused} where there is another key already
 */
export function importKeys(config: SynapseConfig, file: string, now: number): number {
  const [current, ...others] = keysOf(config).map(readSigningKey)
  if (!current) throw new DatabaseRefused('The signing key of Synapse is an empty file.')
  const line = `${writeSigningKey(current)}\n`
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  if (!existsSync(file)) writeFileSync(file, line, { mode: 0o600, flag: 'wx', flush: true })
  else if (readSigningKey(readFileSync(file, 'utf8').trim()).id !== current.id)
    throw new DatabaseRefused(
      `${file} is there already, and is another key than Synapse's. Move it away, or set "data_dir".`,
    )
  const old = [...others.map((key) => `${key.id} ${key.publicKey} ${now}`), ...oldKeysOf(config)]
  if (old.length > 0) writeFileSync(`${file}.old`, `${old.join('\n')}\n`, { mode: 0o644, flush: true })
  return 1 + old.length
}

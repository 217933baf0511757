import { randomBytes } from 'node:crypto'
import { appendFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Config } from '../config/index.ts'
import type { OldKey } from '../federation/index.ts'
import { loadPublicKey, readSigningKey, signingKey, writeSigningKey, type SigningKey } from '../matrix/signing.ts'

const freshKey = (): SigningKey => signingKey(randomBytes(4).toString('hex'), randomBytes(32))

/** Beside the key: those that were signed with before, one a line. */
const oldKeysFile = ({ signing_key_file: file }: Config): string => `${file}.old`

/** There is no key for events, though there are events that were signed with it. The message says what to do. */
export class SigningKeyMissing extends Error {
  override readonly name = 'SigningKeyMissing'
}

/**
 * Reads the key that events are signed with, or makes it. A server in memory keeps it there.
 * @param hasEvents whether events were signed already: then a new key is made on purpose alone, by `makeNew`
 * @throws {SigningKeyMissing}
 */
export function loadSigningKey(config: Config, hasEvents: boolean, makeNew: boolean): SigningKey {
  const file = config.signing_key_file
  try {
    return readSigningKey(readFileSync(file, 'utf8').trim())
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  }
  if (hasEvents && !makeNew)
    throw new SigningKeyMissing(
      `There is no key at ${file}, and the database has events that were signed with it. Put the file back from the backup.` +
        ' If it is lost for good, "latchkey start --new-signing-key" makes another one.',
    )
  const key = freshKey()
  if (config.database !== 'sqlite::memory:') {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    writeFileSync(file, `${writeSigningKey(key)}\n`, { mode: 0o600, flag: 'wx' })
  }
  return key
}

/**
 * The keys that this server signed with before: what was signed with them is still checked against them. Each line of the file is
 * `KEY_ID PUBLIC_KEY EXPIRED_TS`.
 * @throws Error that names the line which makes no sense
 */
export function loadOldKeys(config: Config, current: SigningKey): OldKey[] {
  let text
  try {
    text = readFileSync(oldKeysFile(config), 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line): OldKey => {
      const [keyId = '', publicKey = '', expired = ''] = line.trim().split(/\s+/)
      if (!/^ed25519:[A-Za-z0-9_]+$/.test(keyId) || !loadPublicKey(publicKey) || !/^\d{1,15}$/.test(expired))
        throw new Error(`${oldKeysFile(config)}: a line must read KEY_ID PUBLIC_KEY EXPIRED_TS, and "${line}" does not`)
      return { keyId, publicKey, expiredTs: Number(expired) }
    })
    .filter(({ keyId }) => keyId !== current.id)
}

/** Puts a new key in the place of the one there is, which others go on to know as an old one. Both are of a server that is not running. */
export function rotateSigningKey(config: Config, now: number): { readonly old: string; readonly fresh: string } {
  const file = config.signing_key_file
  const current = readSigningKey(readFileSync(file, 'utf8').trim())
  const fresh = freshKey()
  // First the old one: should this end in the middle, it is still the current one, and its line is passed over.
  appendFileSync(oldKeysFile(config), `${current.id} ${current.publicKey} ${now}\n`, { mode: 0o644, flush: true })
  writeFileSync(`${file}.new`, `${writeSigningKey(fresh)}\n`, { mode: 0o600, flag: 'w', flush: true })
  renameSync(`${file}.new`, file)
  return { old: current.id, fresh: fresh.id }
}

import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Config } from '../config/index.ts'
import { readSigningKey, signingKey, writeSigningKey, type SigningKey } from '../matrix/signing.ts'

/** Reads the key that events are signed with, or makes it. A server in memory keeps it there. */
export function loadSigningKey(config: Config): SigningKey {
  const file = config.signing_key_file
  try {
    return readSigningKey(readFileSync(file, 'utf8').trim())
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  }
  const key = signingKey(randomBytes(4).toString('hex'), randomBytes(32))
  if (config.database !== 'sqlite::memory:') {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, `${writeSigningKey(key)}\n`, { mode: 0o600, flag: 'wx' })
  }
  return key
}

import { createHmac, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../config/index.ts'

/** Whether nobody has said yet how people sign in: no file, no token settings. */
export const isTryOut = (config: Config, file: string | undefined): boolean =>
  file === undefined && !config.jwt_config.enabled && config.identity_providers.length === 0

/** The secret of a try-out, made at the first start and kept beside the data. */
export function tryOutSecret(dataDir: string): string {
  const file = join(dataDir, 'jwt-secret')
  if (existsSync(file)) return readFileSync(file, 'utf8').trim()
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const secret = randomBytes(32).toString('hex')
  writeFileSync(file, `${secret}\n`, { mode: 0o600, flag: 'wx' })
  return secret
}

/** The settings of a try-out: those given, and sign-in by tokens of the generated secret. */
export const tryOutConfig = (config: Config): Config => ({
  ...config,
  jwt_config: {
    ...config.jwt_config,
    enabled: true,
    secret: tryOutSecret(config.data_dir),
    algorithm: 'HS256',
    display_name_claim: config.jwt_config.display_name_claim ?? 'name',
    try_out: true,
  },
})

/** A token as a backend with the secret would sign it. @see https://www.rfc-editor.org/rfc/rfc7519 */
export function signHs256(secret: string, claims: Readonly<Record<string, unknown>>): string {
  const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url')
  const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
}

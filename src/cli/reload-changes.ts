import { readFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import type { Config } from '../config/index.ts'

/** What is fixed for the life of a process: where it listens, and what its data is. */
const fixed = ['server_name', 'listen', 'database', 'data_dir', 'signing_key_file'] as const

/** What a new configuration comes to. */
export interface Change {
  /** What is to be run with: all that is new, but for what is fixed. */
  readonly config: Config
  /** The settings that differ, and take effect. */
  readonly taken: readonly string[]
  /** The settings that differ, and wait for a restart. */
  readonly waiting: readonly string[]
}

/** What lies in files that the configuration only names, and that are read at the start. */
export const filesOf = (config: Config): string[] =>
  [
    ...config.app_service_config_files,
    ...config.identity_providers.flatMap((entry) =>
      entry.type === 'saml' && entry.metadata_file !== undefined ? [entry.metadata_file] : [],
    ),
  ].map((file) => {
    try {
      return `${file}\n${readFileSync(file, 'utf8')}`
    } catch {
      return file
    }
  })

/** Compares the configuration that a server runs with to one that was read just now. */
export function changeOf(running: Config, read: Config): Change {
  const names = Object.keys(read) as (keyof Config)[]
  const differ = names.filter((name) => !isDeepStrictEqual(running[name], read[name]))
  const isFixed = (name: keyof Config): boolean => (fixed as readonly string[]).includes(name)
  const kept = Object.fromEntries(fixed.map((name) => [name, running[name]]))
  return {
    config: { ...read, ...kept },
    taken: differ.filter((name) => !isFixed(name)),
    waiting: differ.filter(isFixed),
  }
}

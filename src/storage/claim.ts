import { closeSync, openSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { DatabaseRefused } from './refused.ts'

/**
 * Takes an SQLite database for this process alone. The lock is one of SQLite's own on a file beside the database:
 * it goes with the process, however that ends.
 * @throws {DatabaseRefused} when another process has it.
 * @returns what gives it back.
 */
export function claim(path: string): (() => void) | undefined {
  if (path === ':memory:') return undefined
  // What people say to each other is for this account alone, whoever makes the files first; SQLite gives those beside it the same mode.
  for (const file of [path, `${path}.lock`]) closeSync(openSync(file, 'a', 0o600))
  const lock = new DatabaseSync(`${path}.lock`, { timeout: 0 })
  try {
    lock.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    lock.close()
    throw new DatabaseRefused(
      `Another Latchkey process is using ${path}. Stop it first, or give this one its own data_dir.`,
      { cause: error },
    )
  }
  return () => lock.close()
}

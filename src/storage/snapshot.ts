// Copies of a whole database as it is at one moment, while a server works on it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { backup, DatabaseSync } from 'node:sqlite'
import { text } from 'node:stream/consumers'
import { DatabaseRefused } from './refused.ts'

/** Copied at once, between which others may write. */
const pages = 2000

/**
 * Writes an SQLite database into a file, which is replaced by a good one only.
 * @throws {DatabaseRefused} when there is none, or what was copied is damaged
 */
export async function snapshotSqlite(path: string, to: string): Promise<void> {
  if (!existsSync(path))
    throw new DatabaseRefused(
      `There is no database at ${path}: start the server once, or name the configuration with --config.`,
    )
  const fresh = `${to}.new`
  await rm(fresh, { force: true })
  const source = new DatabaseSync(path, { readOnly: true, timeout: 10_000 })
  try {
    await backup(source, fresh, { rate: pages })
  } finally {
    source.close()
  }
  const copy = new DatabaseSync(fresh)
  try {
    // One file, which is all of it.
    copy.exec('PRAGMA journal_mode = DELETE')
    const found = copy.prepare('PRAGMA quick_check').get()
    if (Object.values(found ?? {})[0] !== 'ok')
      throw new DatabaseRefused(`The database ${path} is damaged: ${String(Object.values(found ?? {})[0])}`)
  } finally {
    copy.close()
  }
  await rename(fresh, to)
}

/** Where programs are looked for, and what they are told. */
type Environment = Readonly<Record<string, string | undefined>>

/** The password goes by the environment: what stands in a command line others can read. */
async function postgresTool(program: string, url: string, args: readonly string[], given: Environment): Promise<void> {
  const target = new URL(url)
  const password = decodeURIComponent(target.password)
  target.password = ''
  const env = { ...given, ...(password !== '' && { PGPASSWORD: password }) }
  const child = spawn(program, [...args, `--dbname=${target.href}`], { stdio: ['ignore', 'ignore', 'pipe'], env })
  const said = text(child.stderr)
  try {
    const [status] = (await once(child, 'exit')) as [number | null]
    if (status !== 0) throw new DatabaseRefused(`${program} failed: ${(await said).trim()}`)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      throw new DatabaseRefused(
        `${program} is not there. Install the client programs of PostgreSQL (Debian: postgresql-client).`,
        { cause: error },
      )
    throw error
  }
}

/** Writes a PostgreSQL database into a file, by pg_dump. @throws {DatabaseRefused} with what it said */
export const dumpPostgres = (url: string, to: string, environment: Environment): Promise<void> =>
  postgresTool('pg_dump', url, ['--format=custom', '--no-owner', `--file=${to}`], environment)

/** Fills an empty PostgreSQL database, by pg_restore: all of it, or nothing. @throws {DatabaseRefused} with what it said */
export const restorePostgres = (url: string, from: string, environment: Environment): Promise<void> =>
  postgresTool('pg_restore', url, ['--single-transaction', '--exit-on-error', '--no-owner', from], environment)

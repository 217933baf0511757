import { readFileSync } from 'node:fs'
import { dirname, isAbsolute, resolve } from 'node:path'
import { parse } from 'yaml'
import { DatabaseRefused, openForeignPostgres, openForeignSqlite, type Foreign } from '../../storage/index.ts'

export type Settings = Readonly<Record<string, unknown>>

/** What Synapse's configuration says, as far as it matters here. */
export interface SynapseConfig {
  readonly settings: Settings
  readonly serverName: string
  /** A path as Synapse takes it: from the folder that it was started in, which is taken to be that of the file where it is not absolute. */
  path(value: unknown): string | undefined
}

const isMapping = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A setting inside of others. */
export const at = (value: unknown, ...keys: string[]): unknown =>
  keys.reduce<unknown>((inner, key) => (isMapping(inner) ? inner[key] : undefined), value)

export const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

/**
 * Reads homeserver.yaml; several files are put together as Synapse does it, a later one over those before.
 * @throws {DatabaseRefused} with a sentence when it is none
 */
export function readSynapseConfig(files: readonly string[]): SynapseConfig {
  const settings: Record<string, unknown> = {}
  for (const file of files) {
    let read: unknown
    try {
      read = parse(readFileSync(file, 'utf8'))
    } catch (error) {
      throw new DatabaseRefused(`${file} cannot be read: ${(error as Error).message.split('\n')[0]}`, { cause: error })
    }
    if (!isMapping(read)) throw new DatabaseRefused(`${file} is no configuration of Synapse: it has no settings.`)
    Object.assign(settings, read)
  }
  const serverName = text(settings['server_name'])
  if (serverName === undefined || !isMapping(settings['database']))
    throw new DatabaseRefused(
      `${files.join(', ')} is no whole configuration of Synapse: "server_name" or "database" is missing.`,
    )
  const folder = dirname(resolve(files[0] ?? '.'))
  return {
    settings,
    serverName,
    path: (value) => (typeof value !== 'string' ? undefined : isAbsolute(value) ? value : resolve(folder, value)),
  }
}

/** Opens Synapse's database, to be read. @throws {DatabaseRefused} */
export async function openSource({ settings, path }: SynapseConfig): Promise<Foreign> {
  if (isMapping(settings['databases']) && Object.keys(settings['databases']).length > 1)
    throw new DatabaseRefused(
      'Synapse has its tables in several databases ("databases"), which this import does not read.',
    )
  const database = settings['database']
  const args = at(database, 'args')
  const name = at(database, 'name')
  if (name === 'sqlite3') return openForeignSqlite(path(at(args, 'database')) ?? 'homeserver.db')
  if (name !== 'psycopg2')
    throw new DatabaseRefused('"database" names neither sqlite3 nor psycopg2: this import reads no other.')
  const dsn = text(at(args, 'dsn'))
  if (dsn?.startsWith('postgres')) return openForeignPostgres({ connectionString: dsn })
  return openForeignPostgres({
    user: text(at(args, 'user')),
    password: text(at(args, 'password')),
    database: text(at(args, 'dbname')) ?? text(at(args, 'database')),
    host: text(at(args, 'host')),
    port: Number(at(args, 'port') ?? 5432),
  })
}

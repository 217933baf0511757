import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { UsageError, readFlags, type Config } from '../config/index.ts'
import { copyToPostgres, DatabaseRefused, openDatabase, type CopyProgress } from '../storage/index.ts'
import { startConfig } from './start-config.ts'

export const help = `latchkey migrate-database --to URL [--config FILE]

Copies the SQLite database of this configuration into an empty PostgreSQL database, and says how far it is. Stop the server before. The
old database stays as it was: set "database" to the new one afterwards, and start. The search index is made anew then, behind the sends.

  --to URL        the new database: postgres://USER:PASSWORD@HOST/NAME
  --config FILE   the YAML file; else the one that LATCHKEY_CONFIG names`

/** Where somebody watches, the line grows; in a log there is one for each table. */
function teller(): (progress: CopyProgress) => void {
  const { isTTY } = process.stdout
  return ({ table, rows, of }) => {
    if (!isTTY && rows < of) return
    const line = `${table}: ${rows} of ${of}`
    process.stdout.write(isTTY ? `\r\u001B[K${line}${rows === of ? '\n' : ''}` : `${line}\n`)
  }
}

async function copy({ database, server_name: serverName }: Config, url: string): Promise<number> {
  const file = database.slice('sqlite:'.length)
  if (!database.startsWith('sqlite:') || !existsSync(file))
    throw new DatabaseRefused(
      `"database" is not an SQLite database that is there: name the configuration with --config.`,
    )
  // Opening takes it for this process alone, and brings its schema up to date.
  await using _from = await openDatabase({ url: database, serverName })
  await using to = await openDatabase({ url, serverName })
  return await copyToPostgres(file, to, teller())
}

export const run = async (args: readonly string[]): Promise<number> => {
  const { file, flags, rest } = readFlags(args)
  const { values } = parseArgs({ args: [...rest], options: { to: { type: 'string' } } })
  if (values.to === undefined || !/^postgres(ql)?:\/\//.test(values.to))
    throw new UsageError('Name the new database: --to postgres://USER:PASSWORD@HOST/NAME')
  try {
    const rows = await copy(await startConfig(file, flags), values.to)
    process.stdout.write(`All ${rows} rows are in the new database. Set "database" to it, and start the server.\n`)
    return 0
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (!(error instanceof DatabaseRefused) && typeof code !== 'string') throw error
    process.stderr.write(`${(error as Error).message}\n`)
    return 1
  }
}

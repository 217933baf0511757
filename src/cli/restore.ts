import { existsSync } from 'node:fs'
import { chmod, copyFile, mkdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { UsageError, readFlags, type Config } from '../config/index.ts'
import { DatabaseRefused, restorePostgres } from '../storage/index.ts'
import { BackupError, bringAll, verified } from './backup-set.ts'
import { askControl } from './control.ts'
import { startConfig } from './start-config.ts'

export const help = `latchkey restore FOLDER [--config FILE]

Puts a backup that "latchkey backup" made where the configuration says that the data is: the database, the keys, the files. It is
verified first, and nothing is overwritten: move old data away, or give an empty PostgreSQL database. Stop the server before.

  --config FILE   the YAML file; else the one that LATCHKEY_CONFIG names`

/** Puts a file where none is, readable by this account alone. */
async function place(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true, mode: 0o700 })
  await copyFile(from, to)
  await chmod(to, 0o600)
}

async function restore(config: Config, folder: string): Promise<string> {
  const list = await verified(folder)
  if (list.server_name !== config.server_name)
    throw new BackupError(`This is a backup of ${list.server_name}, and server_name is ${config.server_name}.`)
  const isSqlite = config.database.startsWith('sqlite:')
  if (isSqlite !== (list.database === 'sqlite')) {
    const kind = list.database === 'sqlite' ? 'an SQLite' : 'a PostgreSQL'
    throw new BackupError(`This is a backup of ${kind} database: set "database" to one, and change over afterwards.`)
  }
  if (await askControl(config)) throw new BackupError('The server runs: stop it first.')
  const keys = Object.keys(list.files).filter((name) => !name.startsWith('media') && !name.startsWith('latchkey.'))
  const target = (name: string): string =>
    name === basename(config.signing_key_file) ? config.signing_key_file : join(config.data_dir, name)
  const file = config.database.slice('sqlite:'.length)
  const inTheWay = [...(isSqlite ? [file, `${file}-wal`] : []), ...keys.map(target)].find((path) => existsSync(path))
  if (inTheWay !== undefined)
    throw new BackupError(`${inTheWay} is there already, and nothing is overwritten: move it away.`)
  if (isSqlite) await place(join(folder, 'latchkey.db'), file)
  else await restorePostgres(config.database, join(folder, 'latchkey.dump'), process.env)
  for (const name of keys) await place(join(folder, name), target(name))
  const media = await bringAll(join(folder, 'media'), join(config.data_dir, 'media'))
  return `The backup of ${list.created} is in place: the database, ${keys.join(' and ')}, ${media.length} files. Start the server.`
}

export const run = async (args: readonly string[]): Promise<number> => {
  const { file, flags, rest } = readFlags(args)
  const { positionals } = parseArgs({ args: [...rest], options: {}, allowPositionals: true })
  const [folder, ...more] = positionals
  if (folder === undefined || more.length > 0) throw new UsageError('Name the folder of the backup.')
  try {
    process.umask(0o077)
    process.stdout.write(`${await restore(await startConfig(file, flags), folder)}\n`)
    return 0
  } catch (error) {
    if (!(error instanceof BackupError) && !(error instanceof DatabaseRefused)) throw error
    process.stderr.write(`${error.message}\n`)
    return 1
  }
}

import { chmod, copyFile, mkdir, rm } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { UsageError, readFlags, type Config } from '../config/index.ts'
import { DatabaseRefused, dumpPostgres, snapshotSqlite } from '../storage/index.ts'
import { BackupError, bringAll, verified, writeList } from './backup-set.ts'
import { startConfig } from './start-config.ts'

export const help = `latchkey backup FOLDER [--config FILE]

Makes a backup of the database, the keys and the files that people sent, while the server runs, and verifies it. Given the same folder
again it copies only the files that are new. A PostgreSQL database is read by pg_dump, which must be installed. "latchkey restore" is
the way back. Files in a bucket, and the configuration, are not in it.

  --config FILE   the YAML file; else the one that LATCHKEY_CONFIG names`

const isSqlite = ({ database }: Config): boolean => database.startsWith('sqlite:')

async function backUp(config: Config, folder: string): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await chmod(folder, 0o700)
  await rm(join(folder, 'backup.json'), { force: true })
  const database = isSqlite(config) ? 'latchkey.db' : 'latchkey.dump'
  if (isSqlite(config)) await snapshotSqlite(config.database.slice('sqlite:'.length), join(folder, database))
  else await dumpPostgres(config.database, join(folder, database), process.env)
  const keys: string[] = []
  for (const file of [config.signing_key_file, join(config.data_dir, 'jwt-secret')].filter((path) =>
    existsSync(path),
  )) {
    await copyFile(file, join(folder, basename(file)))
    await chmod(join(folder, basename(file)), 0o600)
    keys.push(basename(file))
  }
  // After the database: a file that is named in it is there.
  const media = config.media.store === 's3' ? [] : await bringAll(join(config.data_dir, 'media'), join(folder, 'media'))
  const about = {
    server_name: config.server_name,
    database: isSqlite(config) ? 'sqlite' : 'postgres',
    created: new Date().toISOString(),
  } as const
  await writeList(
    folder,
    about,
    [database, ...keys],
    media.map((name) => join('media', name)),
  )
  await verified(folder)
  return `A backup of ${config.server_name} is in ${folder}: the database, ${keys.join(' and ')}, ${media.length} files. It was verified.`
}

export const run = async (args: readonly string[]): Promise<number> => {
  const { file, flags, rest } = readFlags(args)
  const { positionals } = parseArgs({ args: [...rest], options: {}, allowPositionals: true })
  const [folder, ...more] = positionals
  if (folder === undefined || more.length > 0) throw new UsageError('Name the folder that the backup goes to.')
  try {
    process.umask(0o077)
    process.stdout.write(`${await backUp(await startConfig(file, flags), folder)}\n`)
    return 0
  } catch (error) {
    if (!(error instanceof BackupError) && !(error instanceof DatabaseRefused)) throw error
    process.stderr.write(`${error.message}\n`)
    return 1
  }
}

import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { readFlags, type Config } from '../config/index.ts'
import { DatabaseRefused, openDatabase, vacuum, type Vacuumed } from '../storage/index.ts'
import { refusal } from './refusal.ts'
import { startConfig } from './start-config.ts'

export const help = `latchkey database vacuum [--config FILE]

Gives the room back that deleted rooms, history and files have left in the database: it is written anew, which takes a while, and as much
free space as it has. Stop the server before.

  --config FILE   the YAML file; else the one that LATCHKEY_CONFIG names`

const shown = (bytes: number): string => `${(bytes / 1_000_000).toFixed(1)} MB`

async function vacuumOf({ database: url, server_name: serverName }: Config): Promise<Vacuumed> {
  if (url.startsWith('sqlite:') && !existsSync(url.slice('sqlite:'.length)))
    throw new DatabaseRefused(
      `There is no database at ${url.slice('sqlite:'.length)}. Name the configuration with --config.`,
    )
  await using database = await openDatabase({ url, serverName })
  return await vacuum(database, url)
}

export const run = async (args: readonly string[]): Promise<number> => {
  const { file, flags, rest } = readFlags(args)
  parseArgs({ args: [...rest], options: {} })
  const config = await startConfig(file, flags)
  try {
    const { before, after } = await vacuumOf(config)
    process.stdout.write(`The database took ${shown(before)}, and takes ${shown(after)} now.\n`)
    return 0
  } catch (error) {
    const sentence = refusal(error, config)
    if (sentence === undefined) throw error
    process.stderr.write(`${sentence}\n`)
    return 1
  }
}

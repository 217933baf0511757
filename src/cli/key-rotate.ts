import { UsageError } from '../config/index.ts'
import { rotateSigningKey } from '../server/signing-key.ts'
import { askControl } from './control.ts'
import { startConfig } from './start-config.ts'
import { readUserArgs } from './user-command.ts'

export const help = `latchkey key rotate [--config FILE]

Gives the server a new key to sign events and requests with, as after somebody else may have read the old one. Other servers go on to
check what was signed until now with the old key, whose public half is kept beside the new one (signing.key.old).
The server must not be running.

  --config FILE   the YAML file; else the one that LATCHKEY_CONFIG names`

export const run = async (args: readonly string[]): Promise<number> => {
  const { positionals, file, flags } = readUserArgs(args, {})
  if (positionals.length > 0) throw new UsageError('This command takes no names.')
  const config = await startConfig(file, flags)
  if (await askControl(config)) {
    process.stderr.write('The server is running, and signs with the old key until it ends. Stop it first.\n')
    return 1
  }
  try {
    const { old, fresh } = rotateSigningKey(config, Date.now())
    process.stdout.write(`The key is ${fresh} from the next start on. ${old} counts for what was signed until now.\n`)
    return 0
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
    process.stderr.write(`There is no key yet: ${config.signing_key_file} is made at the first start.\n`)
    return 1
  }
}

import { UsageError } from '../config/index.ts'
import { asOperatorOf, readUserArgs } from './user-command.ts'

export const help = `latchkey oauth rotate-keys [--config FILE]

Takes new keys into use that ID tokens are signed with, and prints their ids. The keys before stay published for a week, so that what they
have signed can still be verified. Access tokens are not concerned. Works whether the server runs or not.

  --config FILE   the YAML file; else the one that LATCHKEY_CONFIG names`

export const run = async (args: readonly string[]): Promise<number> => {
  const { positionals, ...source } = readUserArgs(args, {})
  if (positionals.length > 0) throw new UsageError('This command takes no names.')
  return asOperatorOf(source, async (operator) => (await operator.rotateKeys()).join('\n'))
}

import { UsageError } from '../config/index.ts'
import { asOperatorOf, readUserArgs } from './user-command.ts'

export const help = `latchkey token revoke NAME DEVICE [--config FILE]

Ends an access token of a user that was made by hand, and its device with it. "latchkey token list" says which there are. Works whether
the server runs or not.

  --config FILE   the YAML file; else the one that LATCHKEY_CONFIG names`

export const run = async (args: readonly string[]): Promise<number> => {
  const { positionals, ...source } = readUserArgs(args, {})
  const [user, device, ...more] = positionals
  if (user === undefined || device === undefined || more.length > 0)
    throw new UsageError('Name the user, and the device of the token.')
  return asOperatorOf(source, async (operator) => {
    await operator.revokeToken(user, device)
    return 'Ended.'
  })
}

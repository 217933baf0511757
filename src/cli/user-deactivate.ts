import { asOperatorOf, oneName, readUserArgs } from './user-command.ts'

export const help = `latchkey user deactivate NAME [--erase] [--config FILE]

Ends an account for good: nobody can sign in to it again by any means, and its name is never given anew. Works whether the server runs or
not.

  --erase         forget its display name, its avatar and what it kept here, too
  --config FILE   the YAML file; else the one that LATCHKEY_CONFIG names`

export const run = async (args: readonly string[]): Promise<number> => {
  const { values, positionals, ...source } = readUserArgs(args, { erase: { type: 'boolean', default: false } })
  const name = oneName(positionals)
  return asOperatorOf(source, async (operator) => `${await operator.deactivate(name, values.erase)} is deactivated.`)
}

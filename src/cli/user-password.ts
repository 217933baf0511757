import { askPassword } from './ask-password.ts'
import { asOperatorOf, oneName, readUserArgs } from './user-command.ts'

export const help = `latchkey user password NAME [--config FILE]

Sets a new password, asked for at the terminal or read from standard input. Every session of the user ends.
Works whether the server runs or not.

  --config FILE   the YAML file; else the one that LATCHKEY_CONFIG names`

export const run = async (args: readonly string[]): Promise<number> => {
  const { positionals, file, flags } = readUserArgs(args, {})
  const name = oneName(positionals)
  const password = await askPassword(`New password for ${name}: `)
  if (password === '') {
    process.stderr.write('A password cannot be empty.\n')
    return 1
  }
  return asOperatorOf(
    { file, flags },
    async (operator) => `${await operator.password(name, password)} has a new password, and is signed out everywhere.`,
  )
}

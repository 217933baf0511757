import { text } from 'node:stream/consumers'
import { UsageError } from '../config/index.ts'
import { asOperatorOf, readUserArgs } from './user-command.ts'

export const help = `latchkey user notice NAME [TEXT] [--config FILE]

Says something to a user in the name of the server: in a room for that, to which they are invited. Without TEXT, what is on standard
input. Works whether the server runs or not.

  --config FILE   the YAML file; else the one that LATCHKEY_CONFIG names`

export const run = async (args: readonly string[]): Promise<number> => {
  const {
    positionals: [name, ...words],
    ...source
  } = readUserArgs(args, {})
  if (name === undefined) throw new UsageError('Name one user, and say what they are to be told.')
  const said = words.length > 0 ? words.join(' ') : await text(process.stdin)
  return asOperatorOf(source, async (operator) => `${await operator.notice(name, said.trim())} has been told.`)
}

import { asOperatorOf, oneName, readUserArgs } from './user-command.ts'

export const help = `latchkey token list NAME [--config FILE]

Lists the access tokens of a user that were made by hand: device, name, when they were made, and until when they are good. Works whether
the server runs or not.

  --config FILE   the YAML file; else the one that LATCHKEY_CONFIG names`

const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

export const run = async (args: readonly string[]): Promise<number> => {
  const { positionals, ...source } = readUserArgs(args, {})
  const user = oneName(positionals)
  return asOperatorOf(source, async (operator) =>
    (await operator.listTokens(user))
      .map(({ deviceId, name, created, expires }) =>
        [deviceId, name, day(created), expires === undefined ? 'never ends' : `until ${day(expires)}`].join('\t'),
      )
      .join('\n'),
  )
}

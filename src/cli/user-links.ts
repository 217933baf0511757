import { asOperatorOf, oneName, readUserArgs } from './user-command.ts'

export const help = `latchkey user links NAME [--json] [--config FILE]

Lists who a user is at the identity providers: provider, subject, and how and when they were linked. Works whether the server runs or
not.

  --json          one JSON object a line, as "latchkey user link --file" takes it
  --config FILE   the YAML file; else the one that LATCHKEY_CONFIG names`

export const run = async (args: readonly string[]): Promise<number> => {
  const { values, positionals, ...source } = readUserArgs(args, { json: { type: 'boolean', default: false } })
  const name = oneName(positionals)
  return asOperatorOf(source, async (operator) =>
    (await operator.links(name))
      .map(({ provider, subject, by, linked }) => {
        const when = new Date(linked).toISOString()
        return values.json
          ? JSON.stringify({ user: name, provider, subject, linked_by: by, linked_at: when })
          : [provider, subject, by, when].join('\t')
      })
      .join('\n'),
  )
}

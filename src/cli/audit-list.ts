import { UsageError } from '../config/index.ts'
import { asOperatorOf, readUserArgs } from './user-command.ts'

export const help = `latchkey audit list [--target WHAT] [--limit N] [--json] [--config FILE]

Lists what administrators have done, by the admin API and in the console, the newest last: when, who, what, on whom or what, from which
address, and what came of it. Works whether the server runs or not.

  --target WHAT   only what was done to this: a user, a room, a file, as the list names it
  --limit N       how many; default 100, at most 10,000
  --json          one object a line, with what was asked for
  --config FILE   the YAML file; else the one that LATCHKEY_CONFIG names`

const usual = 100
const most = 10_000

export const run = async (args: readonly string[]): Promise<number> => {
  const { values, positionals, ...source } = readUserArgs(args, {
    target: { type: 'string' },
    limit: { type: 'string' },
    json: { type: 'boolean' },
  })
  const limit = Number(values.limit ?? usual)
  if (positionals.length > 0) throw new UsageError('Name what it was done to by --target.')
  if (!Number.isInteger(limit) || limit < 1 || limit > most)
    throw new UsageError(`--limit is a number from 1 to ${most}.`)
  return asOperatorOf(source, async (operator) => {
    const entries = (await operator.audit(values.target ?? null, limit)).toReversed()
    return entries
      .map((entry) => {
        const { ts, actor, action, target: what, ip, outcome } = entry
        const when = new Date(ts).toISOString()
        return values.json ? JSON.stringify({ ...entry, when }) : [when, actor, action, what, ip, outcome].join('\t')
      })
      .join('\n')
  })
}

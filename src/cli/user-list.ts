import { UsageError } from '../config/index.ts'
import { localpartOf } from '../matrix/ids.ts'
import type { ListedUser, Operator } from './operator.ts'
import { asOperatorOf, readUserArgs } from './user-command.ts'

export const help = `latchkey user list [--search TEXT] [--json] [--config FILE]

Lists the accounts of this server by name. Works whether the server runs or not.

  --search TEXT   only those with this in name or display name
  --json          one JSON object a line
  --config FILE   the YAML file; else the one that LATCHKEY_CONFIG names`

const page = 500

export const run = async (args: readonly string[]): Promise<number> => {
  const { values, positionals, ...source } = readUserArgs(args, {
    search: { type: 'string' },
    json: { type: 'boolean', default: false },
  })
  if (positionals.length > 0) throw new UsageError('To look for somebody, write --search TEXT.')
  return asOperatorOf(source, async (operator) => {
    for await (const users of pages(operator, values.search)) {
      process.stdout.write(users.map((user) => `${values.json ? JSON.stringify(user) : asLine(user)}\n`).join(''))
    }
    return ''
  })
}

async function* pages(operator: Operator, search: string | undefined): AsyncGenerator<ListedUser[]> {
  let after = ''
  for (;;) {
    const users = await operator.list(after, page, search)
    yield users
    const last = users.at(-1)
    if (!last || users.length < page) return
    after = localpartOf(last.userId)
  }
}

const asLine = (user: ListedUser): string =>
  [
    user.userId,
    user.displayName ?? '',
    (['admin', 'guest', 'locked', 'suspended', 'deactivated'] as const).filter((state) => user[state]).join(' '),
  ]
    .join('\t')
    .trimEnd()

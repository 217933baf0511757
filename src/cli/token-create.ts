import { UsageError } from '../config/index.ts'
import { asOperatorOf, oneName, readUserArgs } from './user-command.ts'

export const help = `latchkey token create NAME --name TEXT [--days N] [--device ID] [--config FILE]

Makes an access token for a bot or script that acts as a user, and prints it: it is shown this once. It has a device of its own, which can
encrypt, and is listed on the user's account page. Works whether the server runs or not.

  --name TEXT     what it is for; the name of its device
  --days N        how long it is good; default 90. "never" for a token without an end
  --device ID     the id of its device; default one that is made up
  --config FILE   the YAML file; else the one that LATCHKEY_CONFIG names`

const dayMs = 86_400_000
const mostDays = 3_650

const endIn = (days: string): number | undefined => {
  if (days === 'never') return undefined
  const count = Number(days)
  if (!Number.isInteger(count) || count < 1 || count > mostDays)
    throw new UsageError(`--days must be a whole number from 1 to ${mostDays}, or never.`)
  return Date.now() + count * dayMs
}

export const run = async (args: readonly string[]): Promise<number> => {
  const { values, positionals, ...source } = readUserArgs(args, {
    name: { type: 'string' },
    days: { type: 'string', default: '90' },
    device: { type: 'string' },
  })
  const [user, name, expires] = [oneName(positionals), values.name, endIn(values.days)]
  if (name === undefined) throw new UsageError('Write --name TEXT: what the token is for.')
  return asOperatorOf(source, async (operator) => {
    const { token } = await operator.createToken(user, {
      name,
      ...(values.device !== undefined && { deviceId: values.device }),
      ...(expires !== undefined && { expires }),
    })
    return token
  })
}

import { askPassword } from './ask-password.ts'
import { asOperatorOf, oneName, readUserArgs } from './user-command.ts'

export const help = `latchkey user create NAME [--admin] [--no-password] [--display-name TEXT] [--config FILE]

Makes an account. The password is asked for at the terminal, or read from standard input; with an empty one, or --no-password, the
account has none, and its user signs in by token. Works whether the server runs or not.

  --admin               an administrator's account
  --no-password         do not ask
  --display-name TEXT   what others see
  --config FILE         the YAML file; else the one that LATCHKEY_CONFIG names`

export const run = async (args: readonly string[]): Promise<number> => {
  const { values, positionals, ...source } = readUserArgs(args, {
    admin: { type: 'boolean', default: false },
    'no-password': { type: 'boolean', default: false },
    'display-name': { type: 'string' },
  })
  const name = oneName(positionals)
  const password = values['no-password'] ? '' : await askPassword(`Password for ${name} (empty: none): `)
  return asOperatorOf(
    source,
    async (operator) => {
      const account = {
        name,
        password: password === '' ? null : password,
        admin: values.admin,
        displayName: values['display-name'] ?? null,
      }
      return `${await operator.create(account)} is there.`
    },
    true,
  )
}

import { parseArgs } from 'node:util'
import { readFlags, UsageError } from '../config/index.ts'
import { jwtProviders, signTrial } from '../providers/index.ts'
import { claimsOf } from './claims-args.ts'
import { startConfig } from './start-config.ts'

export const help = `latchkey auth sign [--sub NAME] [--hours N] [--claim NAME=VALUE]… [--claims JSON] [--provider ID] [--config FILE]

Prints a token (JWT) to sign in with, signed with the secret of the configuration as your own backend would. For trying out:
in earnest your backend makes the tokens. Without a configuration it uses the secret that "latchkey start" has generated.

  --sub NAME          whose token it is; default alice
  --hours N           how long it is good; default 1
  --claim NAME=VALUE  a further claim, as name=Alice, exp=1700000000, realm_access.roles='["chat"]'; a value that is JSON is taken as such.
                      null leaves a claim out that would be there: aud=null. Any number of times
  --claims JSON       further claims as one object: '{"groups":["staff"]}'
  --provider ID       which one of identity_providers signs; default the first that has a secret
  --config FILE       the YAML file; else the one that LATCHKEY_CONFIG names`

const hourMs = 3_600_000

export const run = async (args: readonly string[]): Promise<number> => {
  const { file, flags, rest } = readFlags(args)
  const { values } = parseArgs({
    args: [...rest],
    options: {
      sub: { type: 'string', default: 'alice' },
      hours: { type: 'string', default: '1' },
      provider: { type: 'string' },
      claims: { type: 'string', default: '{}' },
      claim: { type: 'string', multiple: true, default: [] },
    },
  })
  const hours = Number(values.hours)
  if (!(hours > 0 && hours <= 24 * 366)) throw new UsageError('--hours must be a number above 0, a year at most.')
  const more = claimsOf(values.claims, values.claim)
  const config = await startConfig(file, flags)
  const { providers } = jwtProviders(config)
  const chosen = values.provider === undefined ? providers : providers.filter(({ id }) => id === values.provider)
  if (chosen.length === 0) {
    throw new UsageError(
      values.provider === undefined
        ? 'This configuration takes no tokens: set jwt_config or identity_providers.'
        : `There is no provider "${values.provider}".`,
    )
  }
  for (const provider of chosen) {
    const token = signTrial(provider, values.sub, Date.now(), hours * hourMs, more)
    if (token === undefined) continue
    process.stdout.write(`${token}\n`)
    return 0
  }
  process.stderr.write(
    'The server has only a public key, with which nobody can sign: have the token made by whoever has the private key.\n',
  )
  return 1
}

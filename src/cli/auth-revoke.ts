import { UsageError } from '../config/index.ts'
import { asOperatorOf, readUserArgs } from './user-command.ts'

export const help = `latchkey auth revoke --provider ID [--subject TEXT] [--sid TEXT | --jti TEXT] [--config FILE]

Ends tokens of an identity provider that are access tokens themselves (bearer: true) and have not run out. Works whether the server runs
or not.

  --provider ID    the id of the entry in identity_providers
  --subject TEXT   every token of this user that was issued until now; with --sid or --jti, these of this user alone
  --sid TEXT       every token of this session at the provider, also those to come
  --jti TEXT       this one token
  --config FILE    the YAML file; else the one that LATCHKEY_CONFIG names`

export const run = async (args: readonly string[]): Promise<number> => {
  const {
    values: { provider, subject, sid, jti },
    positionals,
    ...source
  } = readUserArgs(args, {
    provider: { type: 'string' },
    subject: { type: 'string' },
    sid: { type: 'string' },
    jti: { type: 'string' },
  })
  if (positionals.length > 0 || provider === undefined || [subject, sid, jti].every((one) => one === undefined)) {
    throw new UsageError('Write --provider ID, and --subject, --sid or --jti.')
  }
  return asOperatorOf(source, async (operator) => {
    await operator.revoke(provider, { subject, sid, jti })
    return 'Revoked.'
  })
}

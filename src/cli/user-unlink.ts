import { namedIdentity } from './user-link.ts'
import { asOperatorOf, oneName, readUserArgs } from './user-command.ts'

export const help = `latchkey user unlink NAME --provider ID --subject TEXT [--config FILE]

Takes the link between an account and somebody of an identity provider away, even the last one. Sessions that came of it end; their
clients keep their encryption keys. Works whether the server runs or not.

  --provider ID    the id of the entry in identity_providers, or jwt_config
  --subject TEXT   what the provider calls the user, exactly
  --config FILE    the YAML file; else the one that LATCHKEY_CONFIG names`

export const run = async (args: readonly string[]): Promise<number> => {
  const { values, positionals, ...source } = readUserArgs(args, {
    provider: { type: 'string' },
    subject: { type: 'string' },
  })
  const [name, identity] = [oneName(positionals), namedIdentity(values)]
  return asOperatorOf(
    source,
    async (operator) =>
      `${await operator.unlink(name, identity)} is not ${identity.subject} of ${identity.provider} any more.`,
  )
}

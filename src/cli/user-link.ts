import { readFileSync } from 'node:fs'
import { UsageError } from '../config/index.ts'
import { readLinksFile, type WantedLink } from './links-file.ts'
import type { Operator } from './operator.ts'
import { asOperatorOf, oneName, readUserArgs } from './user-command.ts'

export const help = `latchkey user link NAME --provider ID --subject TEXT [--config FILE]
latchkey user link --file LINKS [--config FILE]

Links somebody of an identity provider to an account, which they then come in to by that provider. An account can have any number of
links. Works whether the server runs or not.

  --provider ID    the id of the entry in identity_providers, or jwt_config
  --subject TEXT   what the provider calls the user, exactly: "sub", or what subject_claim names
  --file LINKS     many at once, a line each: user, provider and subject parted by tabs, or {"user": …, "provider": …, "subject": …}.
                   One that cannot be made stands in nobody's way; the exit code is 1 when there is one
  --config FILE    the YAML file; else the one that LATCHKEY_CONFIG names`

/** Fewer than what fits into one request to a running server. */
const atOnce = 100

/** Whom `--provider` and `--subject` name. */
export const namedIdentity = ({
  provider,
  subject,
}: {
  provider?: string | undefined
  subject?: string | undefined
}): { provider: string; subject: string } => {
  if (provider === undefined || subject === undefined) throw new UsageError('Write --provider ID and --subject TEXT.')
  return { provider, subject }
}

const importAll = async (operator: Operator, wanted: readonly WantedLink[]): Promise<number> => {
  let [linked, kept, failed] = [0, 0, 0]
  for (let start = 0; start < wanted.length; start += atOnce) {
    const done = await operator.importLinks(wanted.slice(start, start + atOnce))
    linked += done.linked
    kept += done.kept
    failed += done.refused.length
    for (const { line, reason } of done.refused) process.stderr.write(`line ${line}: ${reason}\n`)
  }
  process.stdout.write(`${linked} linked, ${kept} there already, ${failed} refused.\n`)
  return failed
}

export const run = async (args: readonly string[]): Promise<number> => {
  const { values, positionals, ...source } = readUserArgs(args, {
    provider: { type: 'string' },
    subject: { type: 'string' },
    file: { type: 'string' },
  })
  if (values.file === undefined) {
    const [name, identity] = [oneName(positionals), namedIdentity(values)]
    return asOperatorOf(
      source,
      async (operator) => `${await operator.link(name, identity)} is ${identity.subject} of ${identity.provider}.`,
    )
  }
  if (positionals.length > 0 || values.provider !== undefined || values.subject !== undefined)
    throw new UsageError('With --file, users, providers and subjects stand in the file.')
  const wanted = readLinksFile(readFileSync(values.file, 'utf8'))
  let failed = 0
  const code = await asOperatorOf(source, async (operator) => {
    failed = await importAll(operator, wanted)
    return ''
  })
  return failed > 0 ? 1 : code
}

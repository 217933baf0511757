import { text } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import { type Config, readFlags, UsageError } from '../config/index.ts'
import { createOutgoing } from '../http/index.ts'
import { policiesOf } from '../identity/index.ts'
import {
  DirectoryError,
  type Explanation,
  explainPerson,
  explainResponse,
  explainToken,
  jwtProviders,
  openDirectories,
  openKeyring,
  withOutlook,
} from '../providers/index.ts'
import { asOperator, NoDatabase } from './as-operator.ts'
import { startConfig } from './start-config.ts'

export const help = `latchkey auth explain TOKEN [--json] [--config FILE]
latchkey auth explain --user NAME [--provider ID] [--json] [--config FILE]

Says what this server makes of a token (JWT), or of what a SAML provider sends (the field SAMLResponse of the form, as the browser's
tools show it): whose keys and rules it is held against, which check it fails, what the user would be
called and given, and what to do; and by the accounts that there are, which account it is. Changes nothing, and does not need the
server to run; published keys are read from their issuer. The exit code is 0 for a token that would sign in.

With --user it says the same of somebody of a directory (LDAP), whom it looks for as bind_dn; no password is needed.

  TOKEN           the token; "-" reads it from standard input, so that it does not end up in the history of your shell
  --user NAME     what somebody types in as their name
  --provider ID   the directory, where there are several
  --json          print the same as JSON
  --config FILE   the YAML file; else the one that LATCHKEY_CONFIG names`

export const run = async (args: readonly string[]): Promise<number> => {
  const { file, flags, rest } = readFlags(args)
  const {
    values,
    positionals: [given, ...more],
  } = parseArgs({
    args: [...rest],
    options: { json: { type: 'boolean', default: false }, user: { type: 'string' }, provider: { type: 'string' } },
    allowPositionals: true,
  })
  const { json, user, provider } = values
  if (more.length > 0 || (given === undefined) === (user === undefined))
    throw new UsageError('Name one token, or "-" for standard input, or somebody of a directory by --user.')
  const token = given === '-' ? (await text(process.stdin)).trim() : given
  const config = await startConfig(file, flags)
  const explanation = token === undefined ? await ofUser(config, user ?? '', provider) : await ofToken(config, token)
  if (!explanation) return 1
  const { identity: _, ...seen } = await inDatabase(config, explanation)
  process.stdout.write(
    `${json ? JSON.stringify(seen, null, 2) : asText(seen, token === undefined ? 'person' : 'token')}\n`,
  )
  return seen.accepted ? 0 : 1
}

/** What becomes of whom the provider vouches for in the server's own database; where there is none yet, everybody is new. */
const inDatabase = async (config: Config, explanation: Explanation): Promise<Explanation> => {
  const { identity } = explanation
  if (!identity) return explanation
  try {
    return withOutlook(explanation, await asOperator(config, (operator) => operator.outlook(identity)))
  } catch (error) {
    if (error instanceof NoDatabase) return explanation
    const reason = error instanceof Error ? error.message : String(error)
    const other = reason.startsWith('There is no identity provider')
      ? '; the server that runs here has another configuration'
      : ''
    process.stderr.write(`It was not looked at what accounts there are: ${reason}${other}\n\n`)
    return explanation
  }
}

const ofToken = async (config: Config, token: string): Promise<Explanation | undefined> => {
  await using outgoing = createOutgoing()
  const complain = ({ reason }: { reason?: unknown }, message: string): void =>
    void process.stderr.write(`${message}: ${String(reason)}\n`)
  using keyring = openKeyring(
    {
      outgoing,
      now: () => Date.now(),
      logger: { info: () => {}, warn: complain },
      kept: new Map(),
      keep: () => Promise.resolve(),
    },
    jwtProviders(config).providers,
  )
  const known = {
    policies: policiesOf(config).policies,
    serverName: config.server_name,
    entries: config.identity_providers,
  }
  const explanation =
    (await explainResponse({ ...known, outgoing, now: () => Date.now(), publicUrl: config.public_base_url }, token)) ??
    (await explainToken({ ...known, keyring }, token))
  if (!explanation) process.stderr.write(`This configuration takes no tokens: ${othersIn(config)}\n`)
  return explanation
}

const ways = {
  jwt: 'by token',
  oidc: 'through the browser',
  saml: 'through the browser',
  cas: 'through the browser',
  ldap: 'by password, and are explained with --user',
} as const

/** How people come in where no provider takes tokens. */
const othersIn = ({ identity_providers: entries }: Config): string =>
  entries.length === 0
    ? 'set jwt_config or identity_providers.'
    : `${entries.map(({ id, type }) => `people of "${id}" (${type}) come ${ways[type]}`).join('; ')}. To take tokens too, add an entry of type jwt.`

const ofUser = async (config: Config, user: string, provider: string | undefined): Promise<Explanation | undefined> => {
  const { policies } = policiesOf(config)
  const all = openDirectories(config, policies, { now: () => Date.now() }).filter(
    ({ id }) => provider === undefined || id === provider,
  )
  const [directory] = all
  const policy = directory && policies.get(directory.id)
  if (!directory || !policy || all.length > 1) {
    throw new UsageError(
      all.length > 1
        ? `Name one directory by --provider: ${all.map(({ id }) => id).join(', ')}.`
        : 'There is no such directory: name a provider of type ldap.',
    )
  }
  if (!directory.searchable)
    throw new UsageError(
      `Nobody can be looked for in "${directory.id}" without a password: set bind_dn, bind_password and base.`,
    )
  try {
    return await explainPerson(directory, policy, config.server_name, user)
  } catch (error) {
    if (!(error instanceof DirectoryError)) throw error
    process.stderr.write(`The directory cannot be asked: ${error.message}\n`)
    return undefined
  }
}

const asText = (explanation: Explanation, what: 'token' | 'person'): string => {
  const { steps, accepted, problem } = explanation
  const width = Math.max(...steps.map(({ rule }) => rule.length))
  return [
    accepted
      ? `This ${what} signs in ${what === 'person' ? 'as ' : ''}${explanation.user ?? ''}`
      : `This ${what} is refused: ${problem ?? ''}`,
    ...(explanation.fix === undefined ? [] : [`What to do: ${explanation.fix}`]),
    '',
    `Provider: ${explanation.provider}`,
    ...steps.map(
      ({ rule, found }, index) =>
        `  ${!accepted && index === steps.length - 1 ? '✗' : '✓'} ${rule.padEnd(width)}  ${found}`,
    ),
    ...Object.entries(explanation.takes).map(
      ([field, value], index) => `${index === 0 ? '\n' : ''}Takes ${field.replace('_', ' ')}: ${value}`,
    ),
    ...(
      [
        ['Header', explanation.header],
        ['Claims', explanation.claims],
      ] as const
    )
      .filter(([, value]) => Object.keys(value).length > 0)
      .map(([name, value], index) => `${index === 0 ? '\n' : ''}${name}: ${JSON.stringify(value)}`),
    ...(what === 'person' && accepted ? ['', `Claims: ${JSON.stringify(explanation.claims)}`] : []),
  ].join('\n')
}

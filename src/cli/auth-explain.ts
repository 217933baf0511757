import { text } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import { readFlags, UsageError } from '../config/index.ts'
import { createOutgoing } from '../http/index.ts'
import { type Explanation, explainResponse, explainToken, jwtProviders, openKeyring, policiesOf } from '../login/index.ts'
import { startConfig } from './start-config.ts'

export const help = `latchkey auth explain TOKEN [--json] [--config FILE]

Says what this server makes of a token (JWT), or of what a SAML provider sends (the field SAMLResponse of the form, as the browser's
tools show it): whose keys and rules it is held against, which check it fails, what the user would be
called and given, and what to do. Changes nothing, and does not need the server to run; published keys are read from their issuer. The exit code is 0 for a token that would sign in.

  TOKEN           the token; "-" reads it from standard input, so that it does not end up in the history of your shell
  --json          print the same as JSON
  --config FILE   the YAML file; else the one that LATCHKEY_CONFIG names`

export const run = async (args: readonly string[]): Promise<number> => {
  const { file, flags, rest } = readFlags(args)
  const { values, positionals: [given, ...more] } = parseArgs({ args: [...rest], options: { json: { type: 'boolean', default: false } }, allowPositionals: true })
  if (given === undefined || more.length > 0) throw new UsageError('Name one token, or "-" for standard input.')
  const token = given === '-' ? (await text(process.stdin)).trim() : given
  const config = await startConfig(file, flags)
  await using outgoing = createOutgoing()
  const complain = ({ reason }: { reason?: unknown }, message: string): void => void process.stderr.write(`${message}: ${String(reason)}\n`)
  using keyring = openKeyring({
    outgoing, now: () => Date.now(), logger: { info: () => {}, warn: complain }, kept: new Map(), keep: () => Promise.resolve(),
  }, jwtProviders(config).providers)
  const known = { policies: policiesOf(config).policies, serverName: config.server_name, entries: config.identity_providers }
  const explanation = await explainResponse({ ...known, outgoing, now: () => Date.now(), publicUrl: config.public_base_url }, token) ?? await explainToken({ ...known, keyring }, token)
  if (!explanation) {
    process.stderr.write('This configuration takes no tokens: set jwt_config or identity_providers.\n')
    return 1
  }
  process.stdout.write(`${values.json ? JSON.stringify(explanation, null, 2) : asText(explanation)}\n`)
  return explanation.accepted ? 0 : 1
}

const asText = (explanation: Explanation): string => {
  const { steps, accepted, problem } = explanation
  const width = Math.max(...steps.map(({ rule }) => rule.length))
  return [
    accepted ? `This token signs in ${explanation.user ?? ''}` : `This token is refused: ${problem ?? ''}`,
    ...(explanation.fix === undefined ? [] : [`What to do: ${explanation.fix}`]),
    '',
    `Provider: ${explanation.provider}`,
    ...steps.map(({ rule, found }, index) => `  ${!accepted && index === steps.length - 1 ? '✗' : '✓'} ${rule.padEnd(width)}  ${found}`),
    ...Object.entries(explanation.takes).map(([what, value], index) => `${index === 0 ? '\n' : ''}Takes ${what.replace('_', ' ')}: ${value}`),
    ...(Object.keys(explanation.header).length > 0 ? ['', `Header: ${JSON.stringify(explanation.header)}`, `Claims: ${JSON.stringify(explanation.claims)}`] : []),
  ].join('\n')
}

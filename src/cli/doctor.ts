import { parseArgs } from 'node:util'
import { loadConfig, readFlags } from '../config/index.ts'
import { believeAuthorities, createOutgoing } from '../http/index.ts'
import { outgoingProxy } from '../server/settings.ts'
import { configChecks } from './config-checks.ts'
import { lookAtFederation } from './doctor-federation.ts'
import { lookAtMachine } from './doctor-machine.ts'
import { lookAtNetwork } from './doctor-network.ts'
import type { Diagnosis } from './diagnosis.ts'
import { isTryOut, tryOutConfig } from './try-out.ts'

export const help = `latchkey doctor [--config FILE] [--json]

Looks at all that a server stands on: its configuration, data, keys, disk and database; and from outside as clients do: names, the
certificate, .well-known, the clock, identity providers. Each thing that is wrong comes with its cure. The exit code is 0 when nothing
is. Works whether the server runs or not, and changes nothing.

  --json          one JSON object a line
  --config FILE   the YAML file; else the one that LATCHKEY_CONFIG names`

const marks = { ok: 'ok     ', warning: 'warning', error: 'ERROR  ' }

const asLine = ({ state, about, says, cure }: Diagnosis): string =>
  `${marks[state]} ${about}: ${says}${cure === undefined ? '' : `\n          ${cure}`}`

export const run = async (args: readonly string[]): Promise<number> => {
  const { file, flags, rest } = readFlags(args)
  const { values } = parseArgs({ args: [...rest], options: { json: { type: 'boolean', default: false } } })
  let failed = false
  const tell = (found: Diagnosis): void => {
    failed ||= found.state === 'error'
    process.stdout.write(`${values.json ? JSON.stringify(found) : asLine(found)}\n`)
  }
  const {
    config: read,
    warnings,
    file: named,
  } = await loadConfig({ file, flags, env: process.env, cwd: process.cwd(), checks: configChecks })
  const config = isTryOut(read, named) ? tryOutConfig(read) : read
  for (const { key, message, fix } of warnings)
    tell({ state: 'warning', about: `configuration, ${key}`, says: message, ...(fix !== undefined && { cure: fix }) })
  if (warnings.length === 0) tell({ state: 'ok', about: 'configuration', says: named ?? 'none, so this is a try-out' })
  for await (const found of lookAtMachine(config)) tell(found)
  if (config.ca_file !== undefined) believeAuthorities(config.ca_file)
  await using outgoing = createOutgoing({ proxy: outgoingProxy(config) })
  for await (const found of lookAtNetwork(config, outgoing, Date.now)) tell(found)
  for await (const found of lookAtFederation(config, Date.now)) tell(found)
  return failed ? 1 : 0
}

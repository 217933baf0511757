import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { loadRegistrations } from '../appservice/index.ts'
import { loadConfig, UsageError, type Config } from '../config/index.ts'
import { importKeys, importSynapse, openSource, propose, readSynapseConfig, surveySynapse } from '../import/index.ts'
import { DatabaseRefused, openDatabase } from '../storage/index.ts'
import { askControl } from './control.ts'
import { progressTeller, writeReport } from './import-report.ts'
import { refusal } from './refusal.ts'

export const help = `latchkey import synapse --config HOMESERVER_YAML [--to LATCHKEY_YAML] [--dry-run] [--check N]

Takes over everything from a Synapse: accounts with their passwords and sessions, rooms with all their events, encryption keys, settings
of clients, media. Synapse's database and files are only read, and it may run meanwhile. What it does then is taken over when this is done
once more, after it was stopped. It can be ended at any time, and goes on where it was.

  --config FILE   homeserver.yaml; several times, if Synapse is given several files
  --to FILE       the configuration of Latchkey, default latchkey.yaml. Where there is none, one is proposed from that of Synapse
  --dry-run       only look: what there is, what would be left out, and the configuration that would be written
  --check N       compare N rooms event by event in the end, chosen at random; default 20
  --link          link media files instead of copying them, where both are on one file system`

/** The configuration of Latchkey; a proposed one is written first, where there is none. */
async function configOf(file: string, yaml: string): Promise<Config> {
  if (!existsSync(file)) {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, yaml, { mode: 0o600, flag: 'wx' })
    process.stdout.write(`${file} is proposed from the configuration of Synapse: look through it before you start.\n`)
  }
  return (await loadConfig({ file, flags: [], env: process.env, cwd: process.cwd(), checks: [] })).config
}

export const run = async (args: readonly string[]): Promise<number> => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      config: { type: 'string', multiple: true },
      to: { type: 'string', default: 'latchkey.yaml' },
      'dry-run': { type: 'boolean', default: false },
      check: { type: 'string', default: '20' },
      link: { type: 'boolean', default: false },
    },
  })
  if (!values.config) throw new UsageError('Name the configuration of Synapse: --config homeserver.yaml')
  if (!/^\d{1,6}$/.test(values.check)) throw new UsageError('--check wants a number of rooms.')
  let config: Config | undefined
  try {
    const synapse = readSynapseConfig(values.config)
    await using source = await openSource(synapse)
    const proposal = propose(synapse)
    if (values['dry-run']) {
      writeReport(await surveySynapse(source, synapse), 'There is to be taken over')
      process.stdout.write(`\nThe configuration that would be written to ${values.to}:\n\n${proposal.yaml}`)
      return 0
    }
    config = await configOf(values.to, proposal.yaml)
    if (config.server_name !== synapse.serverName)
      throw new DatabaseRefused(
        `"server_name" is ${config.server_name} in ${values.to}, and Synapse's is ${synapse.serverName}. A server's name can never change.`,
      )
    if (await askControl(config))
      throw new DatabaseRefused('Latchkey is running with this configuration: stop it first.')
    importKeys(synapse, config.signing_key_file, Date.now())
    await using database = await openDatabase({ url: config.database, serverName: config.server_name })
    const { report } = await importSynapse({
      source,
      database,
      synapse,
      serverName: config.server_name,
      media: {
        from: synapse.path(synapse.settings['media_store_path'] ?? 'media_store') ?? '',
        to: config.media.store === 'files' ? join(config.data_dir, 'media') : undefined,
        link: values.link,
      },
      bridges: loadRegistrations(config).map(({ id }) => id),
      checkRooms: Number(values.check),
      tell: progressTeller(),
      now: () => Date.now(),
      randomId: () => randomBytes(32).toString('base64url'),
    })
    writeReport(report, 'Taken over')
    return report.differences.length === 0 ? 0 : 1
  } catch (error) {
    const sentence = error instanceof DatabaseRefused ? error.message : config && refusal(error, config)
    if (sentence === undefined) throw error
    process.stderr.write(`${sentence}\n`)
    return 1
  }
}

// Synapse as operators run it: the program from PyPI (`pip install matrix-synapse[postgres,oidc]`), on SQLite or PostgreSQL, on loopback.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { jwtConfig } from '../../harness/jwt.ts'
import { freePort } from '../../harness/process.ts'

const given = process.env['LATCHKEY_TEST_SYNAPSE_PYTHON']
const pythons = given === undefined ? ['python3'] : given === 'off' ? [] : [given]

/** A Python that has Synapse; undefined where there is none. */
export const python = pythons.find(
  // JWTs and PostgreSQL are extras of the package.
  (program) =>
    spawnSync(program, ['-c', 'import synapse.app.homeserver, authlib, psycopg2'], { stdio: 'ignore' }).status === 0,
)
export const withoutSynapse =
  'Moving in from Synapse is not tested: neither LATCHKEY_TEST_SYNAPSE_PYTHON nor python3 has it (pip install matrix-synapse[postgres,jwt])'

export interface SynapseOptions {
  /** Where its configuration, database and files are. */
  readonly folder: string
  readonly serverName: string
  /** A PostgreSQL URL; else an SQLite file in the folder. */
  readonly postgres?: string | undefined
  /** Settings beside the usual ones. */
  readonly settings?: Record<string, unknown>
  readonly port?: number
}

export interface Synapse {
  readonly url: string
  /** Its homeserver.yaml. */
  readonly config: string
  readonly sharedSecret: string
  stop: () => Promise<void>
}

const off = { per_second: 10_000, burst_count: 10_000 }
const sharedSecret = 'a secret of the test'
const patience = 120_000

const databaseOf = ({ folder, postgres }: SynapseOptions): unknown => {
  if (postgres === undefined) return { name: 'sqlite3', args: { database: join(folder, 'homeserver.db') } }
  const { username, password, hostname, port, pathname } = new URL(postgres)
  return {
    name: 'psycopg2',
    args: {
      user: decodeURIComponent(username),
      password: decodeURIComponent(password),
      dbname: pathname.slice(1),
      host: hostname,
      port: Number(port || 5432),
      cp_min: 1,
      cp_max: 5,
    },
  }
}

/** Writes homeserver.yaml (JSON is YAML) and what it names. */
function writeConfig(options: SynapseOptions, port: number): string {
  const { folder, serverName, settings } = options
  mkdirSync(folder, { recursive: true })
  const file = join(folder, 'homeserver.yaml')
  writeFileSync(
    join(folder, 'log.yaml'),
    JSON.stringify({
      version: 1,
      handlers: { file: { class: 'logging.FileHandler', filename: join(folder, 'homeserver.log') } },
      root: { level: 'WARNING', handlers: ['file'] },
    }),
  )
  const config = {
    server_name: serverName,
    pid_file: join(folder, 'homeserver.pid'),
    listeners: [
      {
        port,
        type: 'http',
        bind_addresses: ['127.0.0.1'],
        resources: [{ names: ['client', 'federation'], compress: false }],
      },
    ],
    database: databaseOf(options),
    log_config: join(folder, 'log.yaml'),
    media_store_path: join(folder, 'media_store'),
    signing_key_path: join(folder, 'signing.key'),
    registration_shared_secret: sharedSecret,
    report_stats: false,
    trusted_key_servers: [],
    suppress_key_server_warning: true,
    rc_message: off,
    rc_registration: off,
    rc_login: { address: off, account: off, failed_attempts: off },
    rc_joins: { local: off, remote: off },
    rc_joins_per_room: off,
    rc_invites: { per_room: off, per_user: off, per_issuer: off },
    rc_room_creation: off,
    rc_admin_redaction: off,
    rc_media_create: off,
    rc_reports: off,
    rc_3pid_validation: off,
    max_event_delay_duration: '24h',
    room_list_publication_rules: [{ action: 'allow' }],
    password_config: { pepper: 'a pepper' },
    jwt_config: jwtConfig,
    experimental_features: { msc3814_enabled: true },
    ...settings,
  }
  writeFileSync(file, JSON.stringify(config, undefined, 2))
  return file
}

/** Starts it and waits until it answers. */
export async function startSynapse(options: SynapseOptions): Promise<Synapse> {
  const port = options.port ?? (await freePort())
  const config = writeConfig(options, port)
  const run = python ?? 'python3'
  const keys = spawnSync(run, ['-m', 'synapse.app.homeserver', '-c', config, '--generate-keys'], { encoding: 'utf8' })
  if (keys.status !== 0) throw new Error(`Synapse makes no keys: ${keys.stderr}`)
  const child = spawn(run, ['-m', 'synapse.app.homeserver', '-c', config], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-4000)))
  const gone = once(child, 'exit')
  const url = `http://127.0.0.1:${port}`
  const alive = (): boolean => child.exitCode === null && child.signalCode === null
  const stop = async (): Promise<void> => {
    if (alive()) child.kill('SIGTERM')
    await gone
  }
  for (const end = Date.now() + patience; Date.now() < end && alive();) {
    const answer = await fetch(`${url}/_matrix/client/versions`).catch(() => undefined)
    await answer?.body?.cancel()
    if (answer?.ok) return { url, config, sharedSecret, stop }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  child.kill('SIGKILL')
  const log = join(options.folder, 'homeserver.log')
  throw new Error(
    `Synapse does not answer at ${url}: ${said}${existsSync(log) ? readFileSync(log, 'utf8').slice(-4000) : ''}`,
  )
}

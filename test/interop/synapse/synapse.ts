// A real Synapse, in a process of its own, that a Latchkey talks to over TLS.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Authority } from '../../harness/certificates.ts'
import { Client, type Answer, type Body } from '../../harness/client.ts'

/** What is installed where none is at hand. */
const release = '1.163.2'
const ownVenv = join(homedir(), '.cache', 'latchkey', `synapse-${release}`)

const versionAt = (python: string): string | undefined => {
  const found = spawnSync(python, ['-c', 'import synapse; print(synapse.__version__)'], { encoding: 'utf8' })
  return found.status === 0 ? found.stdout.trim() : undefined
}

/** Installs Synapse beside what other tests fetch, once. */
function install(): string | undefined {
  const python = join(ownVenv, 'bin', 'python')
  if (existsSync(python)) return python
  const make = spawnSync('python3', ['-m', 'venv', ownVenv], { stdio: 'ignore' })
  if (make.status !== 0) return undefined
  const pip = ['-m', 'pip', 'install', '--quiet', '--only-binary=:all:', `matrix-synapse==${release}`]
  return spawnSync(python, pip, { stdio: 'ignore', timeout: 600_000 }).status === 0 ? python : undefined
}

/** A Python that has Synapse, and its version; undefined where there is none and none can be installed. */
export const synapse = (() => {
  const named = process.env['LATCHKEY_TEST_SYNAPSE_PYTHON']
  if (named === 'off') return undefined
  for (const python of [named ?? [], 'python3'].flat()) {
    const version = versionAt(python)
    if (version !== undefined) return { python, version }
  }
  const python = install()
  const version = python === undefined ? undefined : versionAt(python)
  return python !== undefined && version !== undefined ? { python, version } : undefined
})()

/** Somebody at Synapse. What it answers is not held against the specification: that is its own affair. */
export class SynapseClient extends Client {
  override async ask<T = Body>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer<T>> {
    const full = path.startsWith('/_') ? path : `/_matrix/client/v3${path}`
    const response = await fetch(this.base + full, {
      method,
      headers: {
        ...(this.token === undefined ? {} : { authorization: `Bearer ${this.token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    const isJson = (response.headers.get('content-type') ?? '').includes('json')
    return { status: response.status, headers: response.headers, body: (isJson ? JSON.parse(text) : text) as T }
  }

  /** Signs somebody up. */
  async register(name: string): Promise<this> {
    const session = await this.req<{ access_token: string; user_id: string; device_id: string }>('POST', '/register', {
      username: name,
      password: 'secret-of-a-test',
      auth: { type: 'm.login.dummy' },
    })
    this.token = session.access_token
    this.userId = session.user_id
    this.deviceId = session.device_id
    return this
  }
}

/** A running Synapse. */
export interface Synapse extends AsyncDisposable {
  readonly name: string
  readonly url: string
  /** Somebody new there. */
  register(name: string): Promise<SynapseClient>
  /** Ends the process; others find nobody there. */
  stop(): Promise<void>
  /** Starts it again, with the data that it had. */
  start(): Promise<void>
  /** What it wrote to its log, the newest last. */
  log(): string
}

/** What a Synapse is started with. */
export interface SynapseWish {
  readonly folder: string
  /** `localhost:<port>`, of a port that leads to `port`. */
  readonly name: string
  /** Ports that nobody listens on: for servers, and for clients. */
  readonly port: number
  readonly clientPort: number
  readonly authority: Authority
}

const fast = { per_second: 100_000, burst_count: 100_000 }

function settings(
  folder: string,
  { name, port, clientPort }: Omit<SynapseWish, 'folder' | 'authority'>,
  files: { cert: string; key: string; ca: string },
) {
  const resources = (...names: string[]) => [{ names, compress: false }]
  return {
    server_name: name,
    pid_file: join(folder, 'pid'),
    listeners: [
      {
        port,
        tls: true,
        type: 'http',
        bind_addresses: ['127.0.0.1'],
        resources: resources('federation', 'keys', 'media'),
      },
      { port: clientPort, tls: false, type: 'http', bind_addresses: ['127.0.0.1'], resources: resources('client') },
    ],
    tls_certificate_path: files.cert,
    tls_private_key_path: files.key,
    federation_custom_ca_list: [files.ca],
    federation_client_minimum_tls_version: '1.2',
    ip_range_blacklist: [],
    federation_ip_range_blacklist: [],
    trusted_key_servers: [],
    database: { name: 'sqlite3', args: { database: join(folder, 'homeserver.db') } },
    media_store_path: join(folder, 'media'),
    signing_key_path: join(folder, 'signing.key'),
    log_config: join(folder, 'log.yaml'),
    macaroon_secret_key: randomBytes(16).toString('hex'),
    form_secret: randomBytes(16).toString('hex'),
    report_stats: false,
    enable_registration: true,
    enable_registration_without_verification: true,
    bcrypt_rounds: 4,
    presence: { enabled: true },
    allow_public_rooms_over_federation: true,
    room_list_publication_rules: [{ action: 'allow' }],
    federation: { destination_min_retry_interval: '1s', destination_retry_multiplier: 1 },
    rc_message: fast,
    rc_registration: fast,
    rc_login: { address: fast, account: fast, failed_attempts: fast },
    rc_joins: { local: fast, remote: fast },
    rc_joins_per_room: fast,
    rc_invites: { per_room: fast, per_user: fast, per_issuer: fast },
    rc_federation: { window_size: 1000, sleep_limit: 100_000, sleep_delay: 1, reject_limit: 100_000, concurrent: 100 },
    experimental_features: {},
  }
}

const logging = (file: string) => ({
  version: 1,
  formatters: { line: { format: '%(asctime)s %(name)s %(levelname)s %(message)s' } },
  handlers: { file: { class: 'logging.FileHandler', formatter: 'line', filename: file } },
  root: { level: process.env['LATCHKEY_TEST_LOG'] === undefined ? 'WARNING' : 'INFO', handlers: ['file'] },
  disable_existing_loggers: false,
})

/** Starts a Synapse with an empty database of its own. */
export async function startSynapse(python: string, wish: SynapseWish): Promise<Synapse> {
  const folder = join(wish.folder, 'synapse')
  mkdirSync(folder, { recursive: true })
  const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem'), ca: join(folder, 'ca.pem') }
  const { cert, key } = wish.authority.issue(['localhost'])
  writeFileSync(files.cert, cert)
  writeFileSync(files.key, key)
  writeFileSync(files.ca, wish.authority.cert)
  const logFile = join(folder, 'log')
  // JSON is YAML.
  writeFileSync(join(folder, 'log.yaml'), JSON.stringify(logging(logFile)))
  writeFileSync(join(folder, 'homeserver.yaml'), JSON.stringify(settings(folder, wish, files)))
  const url = `http://127.0.0.1:${wish.clientPort}`
  const run = ['-m', 'synapse.app.homeserver', '-c', join(folder, 'homeserver.yaml')]
  spawnSync(python, [...run, '--generate-keys'], { cwd: folder, stdio: 'ignore' })
  const log = (): string => (existsSync(logFile) ? readFileSync(logFile, 'utf8') : '')
  let child: ChildProcess | undefined
  const start = async (): Promise<void> => {
    const started = spawn(python, run, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
    child = started
    let said = ''
    started.stderr.on('data', (bytes: Buffer) => (said = (said + bytes.toString()).slice(-5000)))
    for (;;) {
      if (started.exitCode !== null) throw new Error(`Synapse does not start: ${said}${log().slice(-3000)}`)
      const isThere = await fetch(`${url}/_matrix/client/versions`).then(
        ({ status }) => status === 200,
        () => false,
      )
      if (isThere) return
      await sleep(200)
    }
  }
  const stop = async (): Promise<void> => {
    const ending = child
    child = undefined
    if (!ending || ending.exitCode !== null) return
    const gone = once(ending, 'exit')
    ending.kill('SIGTERM')
    await gone
  }
  await start()
  return {
    name: wish.name,
    url,
    register: (name) => new SynapseClient(url).register(name),
    stop,
    start,
    log,
    [Symbol.asyncDispose]: stop,
  }
}

// The process under test, when it is ours to start: Latchkey on a temporary folder, or the command that was given.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jwtConfig, jwtSecret } from '../test/harness/jwt.ts'
import { freePort, startCommand } from '../test/harness/process.ts'
import { openIssuer } from './issuer.ts'
import type { Options } from './options.ts'
import { buildRequest, Connection, parseOrigin } from './wire.ts'

/** A server that can be started and stopped as often as a scenario likes; its data stays until `dispose`. */
export interface Server {
  url: string
  dataDir?: string
  pid: () => number | undefined
  /** Milliseconds from starting the process to its first answer. With `fresh`, on data of its own that is removed after it stops. */
  start: (fresh?: boolean) => Promise<number>
  stop: () => Promise<void>
  dispose: () => Promise<void>
}

const root = join(import.meta.dirname, '..')
const startTimeout = 60_000

async function firstAnswer(url: string, child: ChildProcess): Promise<number> {
  const before = performance.now()
  const origin = parseOrigin(url)
  const request = buildRequest(origin, 'GET', '/_matrix/client/versions')
  while (performance.now() - before < startTimeout) {
    if (child.exitCode !== null) throw new Error(`the server ended with status ${child.exitCode} while starting`)
    const connection = new Connection(origin)
    const answer = await connection.exchange(request).catch(() => undefined)
    const elapsed = performance.now() - before
    connection.close()
    if (answer?.status === 200) return elapsed
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  throw new Error(`no answer from ${url} within ${startTimeout / 1000} s`)
}

/** Latchkey with its default settings but for the rate limits, which would measure themselves, and the log, which would measure the terminal. */
async function latchkey(
  options: Options,
  home: string,
): Promise<{ url: string; command: (data: string) => [string, string[]] }> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  options.jwtSecret ??= jwtSecret
  const issuer = (options.issuer = await openIssuer())
  return {
    url,
    command: (data) =>
      startCommand(join(home, 'latchkey.yaml'), {
        server_name: 'bench.test',
        public_base_url: url,
        listen: `127.0.0.1:${port}`,
        data_dir: data,
        rate_limits: 'off',
        log: { level: 'warn' },
        jwt_config: jwtConfig,
        identity_providers: issuer.providers,
        ...(options.database === undefined ? {} : { database: options.database }),
      }),
  }
}

/** Prepares the server that this run may start; `undefined` when it only visits one. */
export async function ownServer(options: Options): Promise<Server | undefined> {
  const { command, url: given } = options
  if (given !== undefined && command === undefined) return undefined
  const home = mkdtempSync(join(tmpdir(), 'latchkey-bench-'))
  const data = join(home, 'data')
  const plan =
    given !== undefined && command !== undefined
      ? { url: given, command: (): [string, string[]] => ['sh', ['-c', `exec ${command}`]] }
      : await latchkey(options, home)
  const dataDir = given === undefined ? data : options.dataDir
  let child: ChildProcess | undefined
  let ownFolder: string | undefined
  const stop = async (): Promise<void> => {
    if (child && child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM')
      await once(child, 'exit')
    }
    child = undefined
    if (ownFolder) rmSync(ownFolder, { recursive: true, force: true })
    ownFolder = undefined
  }
  process.once('exit', () => child?.kill('SIGKILL'))
  return {
    url: plan.url,
    ...(dataDir === undefined ? {} : { dataDir }),
    pid: () => child?.pid,
    start: async (fresh = false) => {
      ownFolder = fresh ? mkdtempSync(join(home, 'fresh-')) : undefined
      mkdirSync(data, { recursive: true })
      const [program, args] = plan.command(ownFolder ?? data)
      child = spawn(program, args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] })
      return await firstAnswer(plan.url, child)
    },
    stop,
    dispose: async () => {
      await stop()
      rmSync(home, { recursive: true, force: true })
    },
  }
}

/** Resident memory of a process in bytes; `undefined` where `/proc` does not tell. */
export function residentBytes(pid: number | undefined): number | undefined {
  try {
    const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return kib === undefined ? undefined : Number(kib) * 1024
  } catch {
    return undefined
  }
}

/** CPU time that a process has taken so far, in seconds; `undefined` where `/proc` does not tell. */
export function cpuSeconds(pid: number | undefined): number | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
    return (Number(fields[11]) + Number(fields[12])) / 100
  } catch {
    return undefined
  }
}

/** Bytes of all files in a folder. */
export function folderBytes(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0)
}

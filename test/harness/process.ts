// Latchkey as a process of its own, for what cannot be seen from inside: starting, stopping, being killed.
import { randomInt } from 'node:crypto'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..', '..')
const patience = 60_000

/** Below those that systems give to connections by themselves, one of which could take it before its server does. */
const [firstPort, lastPort] = [12_000, 32_000]

/** A port that nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(firstPort, lastPort)
    const probe = createServer()
    const isFree = await new Promise<boolean>((resolve) => {
      probe.once('error', () => resolve(false))
      probe.listen(port, '127.0.0.1', () => resolve(true))
    })
    if (!isFree) continue
    probe.close()
    await once(probe, 'close')
    return port
  }
}

/** The command that starts Latchkey with `config`, which is written to `file` (JSON is YAML). */
export function startCommand(file: string, config: Record<string, unknown>): [program: string, args: string[]] {
  writeFileSync(file, JSON.stringify(config))
  return [process.execPath, [join(root, 'src', 'cli', 'main.ts'), 'start', '--config', file]]
}

/** A server process that has answered. `end` sends a signal and waits for it to be gone. */
export interface ServerProcess {
  child: ChildProcess
  end: (signal: 'SIGTERM' | 'SIGKILL') => Promise<void>
}

/** Starts a server and waits until it answers at `url`; throws what it said when it ends before that. */
export async function startProcess(url: string, [program, args]: [string, string[]]): Promise<ServerProcess> {
  const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-4000)
    })
  const gone = once(child, 'exit')
  const alive = (): boolean => child.exitCode === null && child.signalCode === null
  for (const end = Date.now() + patience; Date.now() < end && alive();) {
    const answer = await fetch(`${url}/_matrix/client/versions`).catch(() => undefined)
    await answer?.body?.cancel()
    if (answer?.ok) {
      return {
        child,
        end: async (signal) => {
          child.kill(signal)
          await gone
        },
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  child.kill('SIGKILL')
  throw new Error(`the server does not answer at ${url}: ${said}`)
}

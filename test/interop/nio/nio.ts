// Somebody at matrix-nio, the client library of most bots in Python, in a process of its own.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const pythons = [process.env['LATCHKEY_TEST_NIO_PYTHON'] ?? [], '/usr/bin/python3'].flat()
const version = (python: string): string | undefined => {
  const { status, stdout } = spawnSync(
    python,
    [
      '-c',
      'from nio.crypto import ENCRYPTION_ENABLED; from importlib.metadata import version; assert ENCRYPTION_ENABLED; print(version("matrix-nio"))',
    ],
    { encoding: 'utf8' },
  )
  return status === 0 ? stdout.trim() : undefined
}

/** Each Python that has matrix-nio with its encryption, and its version. */
export const nios = pythons.flatMap((python) => {
  const found = version(python)
  return found === undefined ? [] : [{ python, version: found }]
})

/** A running client: `do` has it do what client.py knows. */
export interface Nio extends AsyncDisposable {
  do: <T>(what: string, ...args: unknown[]) => Promise<T>
}

/** Starts a client that has not signed in yet, with an empty store. */
export function openNio(python: string, url: string, userId: string): Nio {
  const store = mkdtempSync(join(tmpdir(), 'latchkey-nio-'))
  const child = spawn(python, [join(import.meta.dirname, 'client.py'), url, store, userId], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const gone = once(child, 'exit')
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  let last: Promise<unknown> = Promise.resolve()
  const ask = async (what: string, args: unknown[]): Promise<unknown> => {
    child.stdin.write(`${JSON.stringify({ do: what, with: args })}\n`)
    const { value, done } = await answers.next()
    if (done) throw new Error(`the client has ended in the midst of ${what}`)
    const answer = JSON.parse(value) as { result?: unknown; error?: string }
    if (answer.error !== undefined) throw new Error(`${what}: ${answer.error}`)
    return answer.result
  }
  return {
    do: async <T>(what: string, ...args: unknown[]) => {
      const mine = last.then(() => ask(what, args))
      last = mine.catch(() => {})
      return (await mine) as T
    },
    [Symbol.asyncDispose]: async () => {
      child.stdin.end()
      const timer = setTimeout(() => child.kill('SIGKILL'), 5000)
      await gone
      clearTimeout(timer)
      rmSync(store, { recursive: true, force: true })
    },
  }
}

// Somebody at the Matrix Rust SDK, in a process of its own.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const targets = [process.env['CARGO_TARGET_DIR'] ?? [], join(import.meta.dirname, 'target'), join(homedir(), '.cache', 'latchkey-interop', 'target')].flat()
const program = targets
  .flatMap((target) => ['release', 'debug'].map((profile) => join(target, profile, 'latchkey-interop-rust')))
  .find((file) => existsSync(file))

/** Why the Rust SDK is not tested; false where it is. */
export const noRust: string | false =
  program === undefined &&
  'its client is not built (cargo build --manifest-path test/interop/rust/Cargo.toml, half an hour)'

/** A running client: `do` has it do what src/main.rs knows. */
export interface Rust extends AsyncDisposable {
  do: <T>(what: string, ...args: unknown[]) => Promise<T>
}

/** Starts a client that has not signed in yet and keeps everything in memory. */
export function openRust(url: string): Rust {
  const child = spawn(program ?? '', [url], { stdio: ['pipe', 'pipe', 'inherit'] })
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
      return await mine as T
    },
    [Symbol.asyncDispose]: async () => {
      child.stdin.end()
      const timer = setTimeout(() => child.kill('SIGKILL'), 5000)
      await gone
      clearTimeout(timer)
    },
  }
}

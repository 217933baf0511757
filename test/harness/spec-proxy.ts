// The specification's checking proxy before a server, for clients that do not check their answers themselves.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './process.ts'

const specCheck = join(import.meta.dirname, '..', '..', '..', 'shared', 'spec', 'spec-check.mjs')

/** A way to a server by which every answer is checked. */
export interface CheckedWay extends AsyncDisposable {
  url: string
  /** Each kind of fault that was seen until now, with an example. */
  faults: () => string[]
}

/** Puts the proxy before the server at `target`; where `../shared/spec` is not there, the way is the straight one. */
export async function checkedWay(target: string): Promise<CheckedWay> {
  if (!existsSync(specCheck)) return { url: target, faults: () => [], [Symbol.asyncDispose]: async () => {} }
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-proxy-'))
  const report = join(folder, 'faults')
  const port = await freePort()
  const proxy = spawn(
    process.execPath,
    [specCheck, 'proxy', '--target', target, '--listen', String(port), '--report', report],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  const gone = once(proxy, 'exit')
  await once(proxy.stderr, 'data')
  return {
    url: `http://127.0.0.1:${port}`,
    faults: () => {
      const seen = new Map<string, string>()
      for (const line of existsSync(report) ? readFileSync(report, 'utf8').split('\n').filter(Boolean) : []) {
        const { name, url, status, fault, body } = JSON.parse(line) as {
          name: string
          url: string
          status: number
          fault: string
          body: unknown
        }
        seen.set(`${name} ${status} ${fault}`, `${url} ${JSON.stringify(body)?.slice(0, 500)}`)
      }
      return [...seen].map(([kind, example]) => `${kind}: ${example}`)
    },
    [Symbol.asyncDispose]: async () => {
      proxy.kill('SIGINT')
      await gone
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

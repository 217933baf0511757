// By hand: `node test/proxy.ts` tells the story of chat.test.ts through the specification's checking proxy, which sums up what it saw.
// Needs ../shared/spec. Ends with the proxy's status: 0 when there was no kind of fault.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from './harness/process.ts'
import { startServer } from './harness/server.ts'
import { story } from './story.ts'

const specCheck = join(import.meta.dirname, '..', '..', 'shared', 'spec', 'spec-check.mjs')
if (!existsSync(specCheck)) throw new Error(`${specCheck} is not there`)
const server = await startServer()
const port = await freePort()
const proxy = spawn(process.execPath, [specCheck, 'proxy', '--target', server.url, '--listen', String(port)], {
  stdio: ['ignore', 'inherit', 'pipe'],
})
await once(proxy.stderr, 'data')
const gone = once(proxy, 'exit')
try {
  await story(`http://127.0.0.1:${port}`)
} finally {
  proxy.kill('SIGINT')
}
const [status] = (await gone) as [number | null]
await server[Symbol.asyncDispose]()
// The library's timers would keep this process waiting for hours.
process.exit(status ?? 1)

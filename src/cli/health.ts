import { request as ask } from 'node:http'
import { request as askByTls } from 'node:https'
import { text } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import { parseListener, readFlags, type Config } from '../config/index.ts'
import { startConfig } from './start-config.ts'

export const help = `latchkey health [--config FILE]

Asks the server that runs with this configuration whether it is well: whether it answers, and can read and write. The exit code is 0
when it is, and 1 when not: for the health checks of containers.

  --config FILE   the YAML file; else the one that LATCHKEY_CONFIG names`

const patienceMs = 8000
const here: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }

/** Asks at the first address; by TLS only where there is no other, and then whatever its certificate says, for it is this machine. */
async function answerOf(config: Config): Promise<{ status: number; body: string }> {
  const listeners = config.listen.flatMap((listen) => parseListener(listen) ?? [])
  const listener = listeners.find(({ tls }) => !tls) ?? listeners[0]
  if (!listener) throw new Error('it listens nowhere')
  const { host, port, tls } = listener
  const options = { host: here[host] ?? host, port, path: '/health', timeout: patienceMs }
  const request = tls ? askByTls({ ...options, rejectUnauthorized: false }) : ask(options)
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>()
  request.on('timeout', () => request.destroy(new Error(`no answer in ${patienceMs / 1000} seconds`)))
  request.on('error', reject)
  request.on('response', (response) => {
    text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject)
  })
  request.end()
  return promise
}

export const run = async (args: readonly string[]): Promise<number> => {
  const { file, flags, rest } = readFlags(args)
  parseArgs({ args: [...rest], options: {} })
  const config = await startConfig(file, flags)
  try {
    const { status, body } = await answerOf(config)
    process.stdout.write(`${body}\n`)
    return status === 200 ? 0 : 1
  } catch (error) {
    process.stderr.write(`The server does not answer: ${error instanceof Error ? error.message : String(error)}\n`)
    return 1
  }
}

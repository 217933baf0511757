import { readFlags } from '../config/index.ts'
import { MatrixError } from '../matrix/errors.ts'
import { parseArgs } from 'node:util'
import { askControl } from './control.ts'
import { startConfig } from './start-config.ts'

export const help = `latchkey reload [--config FILE]

Has the server that runs with this configuration read it anew, and says what took effect and what waits for a restart. A configuration
with a fault in it changes nothing. Requests wait for a moment; people stay signed in, and nobody's connection is cut. SIGHUP does the same.

  --config FILE   the YAML file; else the one that LATCHKEY_CONFIG names`

export const run = async (args: readonly string[]): Promise<number> => {
  const { file, flags, rest } = readFlags(args)
  parseArgs({ args: [...rest], options: {} })
  const running = await askControl(await startConfig(file, flags))
  try {
    if (!running) throw new MatrixError('M_NOT_FOUND', 'No server runs with this configuration.')
    process.stdout.write(`${await running.reload()}\n`)
    return 0
  } catch (error) {
    if (!(error instanceof MatrixError)) throw error
    process.stderr.write(`${error.message}\n`)
    return 1
  }
}

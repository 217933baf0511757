import { parseArgs } from 'node:util'
import { exampleYaml } from '../config/index.ts'

export const help = `latchkey config example

Prints a configuration file with every setting, its meaning and its default.

  latchkey config example > latchkey.yaml`

export const run = async (args: readonly string[]): Promise<number> => {
  parseArgs({ args: [...args], options: {} })
  process.stdout.write(exampleYaml())
  return 0
}

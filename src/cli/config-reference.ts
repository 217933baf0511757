import { parseArgs } from 'node:util'
import { referenceMarkdown } from '../config/index.ts'

export const help = `latchkey config reference

Prints the reference page of all settings, as Markdown. It is docs/reference/config.md:

  latchkey config reference > docs/reference/config.md`

export const run = async (args: readonly string[]): Promise<number> => {
  parseArgs({ args: [...args], options: {} })
  process.stdout.write(referenceMarkdown())
  return 0
}

import { parseArgs, type ParseArgsConfig } from 'node:util'
import { readFlags, UsageError } from '../config/index.ts'
import { MatrixError } from '../matrix/errors.ts'
import { asOperator } from './as-operator.ts'
import type { Operator } from './operator.ts'
import { refusal } from './refusal.ts'
import { startConfig } from './start-config.ts'

/** The one name that a command is about. */
export const oneName = (words: readonly string[]): string => {
  const [name, ...more] = words
  if (name === undefined || more.length > 0) throw new UsageError('Name one user.')
  return name
}

/** Runs `work` as the operator of the configured server. What the server refuses becomes a sentence and the exit code 1. See `asOperator`. */
export const asOperatorOf = async (
  { file, flags }: Pick<ReturnType<typeof readFlags>, 'file' | 'flags'>,
  work: (operator: Operator) => Promise<string>,
  isFirst = false,
): Promise<number> => {
  let config
  try {
    config = await startConfig(file, flags)
    const said = await asOperator(config, work, isFirst)
    if (said !== '') process.stdout.write(`${said}\n`)
    return 0
  } catch (error) {
    const sentence = error instanceof MatrixError ? error.message : config && refusal(error, config)
    if (sentence === undefined) throw error
    process.stderr.write(`${sentence}\n`)
    return 1
  }
}

/** A command line apart: the configuration's flags, the command's own options, and the words that are neither. */
export const readUserArgs = <const T extends NonNullable<ParseArgsConfig['options']>>(
  args: readonly string[],
  options: T,
) => {
  const { file, flags, rest } = readFlags(args)
  const { values, positionals } = parseArgs({ args: [...rest], options, allowPositionals: true })
  return { file, flags, values, positionals }
}

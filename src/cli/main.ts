// The command line: finds the command, runs it, and turns what it throws into a sentence and an exit code.
import { readFileSync } from 'node:fs'
import { useCompileCache } from './compile-cache.ts'
import type { Command } from './command.ts'
import { commands } from './commands.ts'

// Commands are imported later than this: a second start finds them compiled, with half the time and less memory.
useCompileCache()

const say = (text: string): void => void process.stdout.write(`${text}\n`)
const complain = (text: string): void => void process.stderr.write(`${text}\n`)

const listOf = (some: readonly Command[]): string => {
  const width = Math.max(...some.map(({ name }) => name.length))
  return some.map(({ name, summary }) => `  latchkey ${name.padEnd(width)}   ${summary}`).join('\n')
}

const overview = (): string => `Latchkey, a Matrix homeserver that people enter with the key they already carry.

${listOf(commands)}

"latchkey COMMAND --help" explains a command, "latchkey --version" prints the version.`

const version = (): string => {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest
    ? String(manifest.version)
    : 'unknown'
}

/** The command that the words begin with, and the words behind it. */
const find = (words: readonly string[]): { command: Command; args: readonly string[] } | undefined => {
  for (const count of [2, 1]) {
    const command = commands.find(({ name }) => name === words.slice(0, count).join(' '))
    if (command) return { command, args: words.slice(count) }
  }
  return undefined
}

async function unknown(words: readonly string[]): Promise<number> {
  const { nearest } = await import('../config/index.ts')
  const typed = words.filter((word) => !word.startsWith('-'))
  const group = commands.filter(({ name }) => name.startsWith(`${typed[0]} `))
  const [text, names] = group.length > 0 ? [typed.slice(0, 2).join(' '), group] : [typed[0] ?? words[0] ?? '', commands]
  const meant =
    nearest(
      typed.slice(0, 2).join(' '),
      names.map(({ name }) => name),
    ) ??
    nearest(
      text,
      names.map(({ name }) => name),
    )
  complain(
    group.length > 0 && typed.length === 1
      ? `"latchkey ${text}" wants a second word:`
      : `"${text}" is not a command.${meant ? ` Did you mean "${meant}"?` : ''}`,
  )
  complain(`\n${listOf(names)}`)
  return 2
}

/** What to say of words that a command does not take. Its help tells what it does. */
function misread(
  { code, message }: { code: unknown; message: string },
  help: string,
  nearestFlag: (word: string, own: readonly string[]) => string | undefined,
): string {
  const typed = /'([^' ]+)/.exec(message)?.[1] ?? ''
  if (code === 'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL')
    return `"${typed}" stands alone.${help.includes('--config FILE') ? ` For a file, write --config ${typed}` : ''}`
  if (code !== 'ERR_PARSE_ARGS_UNKNOWN_OPTION') return message
  const meant = nearestFlag(typed, help.match(/--[a-z][a-z-]*/g) ?? [])
  return `"${typed}" is not a flag.${meant ? ` Did you mean "${meant}"?` : ''}`
}

async function failed(error: unknown, name: string, help: string): Promise<number> {
  const { ConfigError, formatFinding, nearestFlag, UsageError } = await import('../config/index.ts')
  if (error instanceof ConfigError) {
    complain(error.findings.map(formatFinding).join('\n'))
    return 1
  }
  const usage =
    error instanceof UsageError
      ? error.message
      : error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')
        ? misread(error, help, nearestFlag)
        : undefined
  if (usage !== undefined) {
    complain(`${usage}\n"latchkey ${name} --help" explains the command.`)
    return 2
  }
  complain(error instanceof Error ? (error.stack ?? error.message) : String(error))
  return 1
}

async function main(words: readonly string[]): Promise<number> {
  const [first] = words
  if (first === undefined || first === '--help' || first === '-h' || first === 'help') {
    say(overview())
    return 0
  }
  if (first === '--version') {
    say(version())
    return 0
  }
  const found = find(words)
  if (!found) return unknown(words)
  const { help, run } = await found.command.load()
  try {
    if (!found.args.some((word) => word === '--help' || word === '-h')) return await run(found.args)
    say(help)
    return 0
  } catch (error) {
    return failed(error, found.command.name, help)
  }
}

process.exitCode = await main(process.argv.slice(2))

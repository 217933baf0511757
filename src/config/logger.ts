import { pino, type Logger } from 'pino'
import type { Config } from './schema.ts'

const levels: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warning',
  50: 'ERROR',
  60: 'FATAL',
}
/** Shown in their own place, or of no use to a reader at a terminal. */
const shown = new Set(['level', 'time', 'msg', 'pid', 'hostname', 'err'])

/** What moves the cursor, ends a line, or turns text around: others send it, and it must not look like what the server says. */
const controls = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu

/** Text of others as one line that a terminal shows as it is. */
const escaped = (text: string): string =>
  text.replace(controls, (one) => {
    const short = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }[one]
    return short ?? `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`
  })

/** A value, in quotes where it could be taken for several. */
const valueOf = (value: unknown): string =>
  escaped(typeof value === 'string' && !/\s\S*=/.test(value) ? value : JSON.stringify(value))

/** Every line of it is indented: a message may have lines of its own, and no line of the log begins so. */
const stackOf = (stack: string): string =>
  stack
    .split('\n')
    .map((line) => `\n    ${escaped(line.trim())}`)
    .join('')

/** One JSON line as a person reads it. */
export function asText(line: string): string {
  const entry = JSON.parse(line) as Record<string, unknown> // pino's own output
  const details = Object.entries(entry)
    .filter(([key]) => !shown.has(key))
    .map(([key, value]) => ` ${escaped(key)}=${valueOf(value)}`)
  const error = entry['err'] as { stack?: string } | undefined
  const time = new Date(Number(entry['time'])).toTimeString().slice(0, 8)
  const level = levels[Number(entry['level'])] ?? 'info'
  return `${time} ${level}: ${escaped(String(entry['msg']))}${details.join('')}${error?.stack ? stackOf(error.stack) : ''}\n`
}

/** The log, on standard error: JSON for machines, or text for people. */
export function createLogger({ level, format }: Config['log']): Logger {
  const write =
    format === 'json'
      ? (line: string) => process.stderr.write(line)
      : (line: string) => process.stderr.write(asText(line))
  return pino({ level }, { write })
}

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

/** One JSON line as a person reads it. */
function asText(line: string): string {
  const entry = JSON.parse(line) as Record<string, unknown> // pino's own output
  const details = Object.entries(entry)
    .filter(([key]) => !shown.has(key))
    .map(([key, value]) => ` ${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
  const error = entry['err'] as { stack?: string } | undefined
  const time = new Date(Number(entry['time'])).toTimeString().slice(0, 8)
  return `${time} ${levels[Number(entry['level'])] ?? 'info'}: ${String(entry['msg'])}${details.join('')}${error?.stack ? `\n${error.stack}` : ''}\n`
}

/** The log, on standard error: JSON for machines, or text for people. */
export function createLogger({ level, format }: Config['log']): Logger {
  const write =
    format === 'json'
      ? (line: string) => process.stderr.write(line)
      : (line: string) => process.stderr.write(asText(line))
  return pino({ level }, { write })
}

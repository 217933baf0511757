// The figures as a table and as JSON, with what one needs to know to compare them.
import { execFileSync } from 'node:child_process'
import { cpus, totalmem } from 'node:os'
import type { Row } from './measure.ts'

/** The machine and the run that figures belong to. */
export interface Facts {
  server: string
  cores: number
  cpu: string
  memoryGiB: number
  node: string
  commit: string
  command: string
  date: string
}

const git = (...args: string[]): string => {
  try {
    return execFileSync('git', args, {
      cwd: import.meta.dirname,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  } catch {
    return ''
  }
}

/** An argument as one would type it, with secrets left out. */
const asTyped = (argument: string, index: number, all: string[]): string => {
  if (all[index - 1]?.endsWith('-secret')) return '…'
  const shown = argument.replace(/(-secret=).*/, '$1…').replace(/(:\/\/[^:@/]*):[^@/]*@/, '$1:…@')
  return /^[\w./:=,@…-]+$/.test(shown) ? shown : `'${shown}'`
}

export function facts(server: string): Facts {
  const dirty = git('status', '--porcelain', '--untracked-files=no', '--', '../src') ? ' (changed)' : ''
  return {
    server,
    cores: cpus().length,
    cpu: cpus()[0]?.model ?? '',
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    commit: (git('rev-parse', '--short', 'HEAD') || 'unknown') + dirty,
    command: ['npm run bench --', ...process.argv.slice(2).map(asTyped)].join(' '),
    date: new Date().toISOString(),
  }
}

const figure = (value: number | undefined): string => {
  if (value === undefined || Number.isNaN(value)) return ''
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3)
}

/** A Markdown table, aligned for the terminal. */
export function table(rows: Row[]): string {
  const cells = [
    ['scenario', 'step', '/s', 'median', 'p95', 'p99', 'unit', 'count', 'CPU µs', 'note'],
    ...rows.map((row) => [
      row.scenario,
      row.what,
      figure(row.rate),
      figure(row.median),
      figure(row.p95),
      figure(row.p99),
      row.unit,
      String(row.count),
      figure(row.cpu),
      [...(row.errors ? [`${row.errors} errors`] : []), ...(row.note ? [row.note] : [])].join('; '),
    ]),
  ]
  const widths = cells[0]?.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0))) ?? []
  const numeric = (column: number): boolean => (column >= 2 && column <= 5) || column === 7 || column === 8
  const lines = cells.map(
    (line) =>
      `| ${line.map((cell, column) => (numeric(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0))).join(' | ')} |`,
  )
  const rule = `|${widths.map((width, column) => (numeric(column) ? `${'-'.repeat(width + 1)}:` : '-'.repeat(width + 2))).join('|')}|`
  return [lines[0], rule, ...lines.slice(1)].join('\n')
}

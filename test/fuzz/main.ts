// `npm run fuzz`: asks a server of its own what nobody should ask, and tells what it did wrong.
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { freshDatabase, server as postgres } from '../harness/postgres.ts'
import { fuzz, type Report } from './run.ts'

const help = `Usage: npm run fuzz -- [options]

Starts a server of its own, with everything on, and sends it requests made of its own schemas and those of the specification: right ones,
wrong ones, half ones, by clients that hang up, do not read, or say what is not so. Tells of every 5xx and every error in the log with the
request that made it, of turns of the event loop that were too long, and of memory.

  --requests N     how many (20000)
  --database KIND  sqlite or postgres, which is started for the run (sqlite)
  --seed N         what all chance comes of (1)
  --width N        requests at once (8)
  --only PATTERN   operations or paths that match alone
  --report FILE    writes everything that was found there
`

const mib = (bytes: number): string => `${Math.round(bytes / 2 ** 20)}`

function tell({ operations, faults, statuses, reached, stalls, memory }: Report): string {
  const worst = [...stalls].sort((a, b) => b.ms - a.ms)
  const all = [...statuses].sort(([a], [b]) => a - b)
  return [
    `${all.reduce((sum, [, count]) => sum + count, 0)} requests to ${operations} paths, ${reached.size} operations answered 2xx`,
    `statuses: ${all.map(([status, count]) => `${status === 0 ? 'hung up' : status}: ${count}`).join(', ')}`,
    `memory in MiB, over the run: ${memory.map(mib).join(' ')}`,
    `${stalls.length} turns of the event loop were too long${
      worst.length > 0
        ? `: ${worst
            .slice(0, 20)
            .map(({ ms }) => `${ms} ms`)
            .join(', ')}`
        : ''
    }`,
    `${faults.length} faults`,
  ].join('\n')
}

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '20000' },
    database: { type: 'string', default: 'sqlite' },
    seed: { type: 'string', default: '1' },
    width: { type: 'string', default: '8' },
    only: { type: 'string' },
    report: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(help)
  process.exit(0)
}
const database = values.database === 'postgres' ? await freshDatabase() : undefined
const report = await fuzz({
  requests: Number(values.requests),
  seed: Number(values.seed),
  width: Number(values.width),
  database: database?.url,
  only: values.only === undefined ? undefined : new RegExp(values.only, 'i'),
  onProgress: (line) => console.log(line),
})
const found = [
  ...report.faults,
  ...[...report.stalls]
    .sort((a, b) => b.ms - a.ms)
    .map(({ ms, during }) => `stall of ${ms} ms during\n  ${during.join('\n  ')}`),
]
if (values.report !== undefined) writeFileSync(values.report, `${tell(report)}\n\n${found.join('\n\n')}\n`)
else for (const one of found.slice(0, 30)) console.log(`\n${one}`)
console.log(`\n${tell(report)}`)
await database?.dispose()
if ('url' in postgres) await postgres.stop()
process.exit(report.faults.length > 0 ? 1 : 0)

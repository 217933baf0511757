// `npm run bench`: drives a homeserver through its public API and says how fast it is. Speaks to any homeserver by URL.
import { writeFileSync } from 'node:fs'
import type { Row } from './measure.ts'
import { readOptions } from './options.ts'
import { facts, table } from './report.ts'
import { scenarios } from './scenarios/index.ts'
import { ownServer } from './server.ts'
import { openTarget, type Target } from './target.ts'

const options = readOptions(process.argv.slice(2))
const known = scenarios.map((scenario) => scenario.name)
const unknown = options.scenarios.filter((name) => !known.includes(name))
if (unknown.length) {
  console.error(`no scenario is called ${unknown.join(', ')}; there are: ${known.join(', ')}`)
  process.exit(2)
}

/** What the server calls itself. */
async function serverName(target: Target): Promise<string> {
  const answer = await target
    .call<{ server?: { name: string; version: string } }>(undefined, 'GET', '/_matrix/federation/v1/version')
    .catch(() => undefined)
  return answer?.server
    ? `${answer.server.name} ${answer.server.version}`
    : target.server && !options.command
      ? 'Latchkey'
      : (options.url ?? '')
}

const server = await ownServer(options)
if (server) await server.start()
const target = openTarget(server?.url ?? options.url ?? '', options, server)
const about = facts(await serverName(target))
const rows: Row[] = []
try {
  for (const scenario of scenarios.filter(
    ({ name }) => !options.scenarios.length || options.scenarios.includes(name),
  )) {
    process.stderr.write(`${scenario.name}: ${scenario.about}\n`)
    try {
      rows.push(...(await scenario.run(target)))
    } catch (error) {
      process.exitCode = 1
      console.error(`${scenario.name} failed: ${error instanceof Error ? error.message : String(error)}`)
    }
    target.closeConnections()
    if (options.json) writeFileSync(options.json, `${JSON.stringify({ ...about, rows }, null, 2)}\n`)
  }
} finally {
  target.closeConnections()
  await server?.dispose()
  console.log(
    `${about.server} · ${about.cores} cores ${about.cpu}, ${about.memoryGiB} GiB · Node ${about.node} · ` +
      `${about.commit} · ${about.date}\n${about.command}\n`,
  )
  console.log(table(rows))
}

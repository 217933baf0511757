// Makes the reference pages that come from the code: run `node test/docs-reference.ts` after a change of commands or routes.
// test/docs.test.ts fails while they are stale.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { commands } from '../src/cli/commands.ts'
import type { Route } from '../src/http/index.ts'
import { createRegistry } from '../src/metrics/registry.ts'
import { createHomeserver } from '../src/server/index.ts'
import { root } from './docs-pages.ts'

const made = '<!-- Made from the code by "node test/docs-reference.ts". -->'

async function commandLine(): Promise<string> {
  const overview = spawnSync(process.execPath, [join(root, 'src', 'cli', 'main.ts'), '--help'], {
    encoding: 'utf8',
  }).stdout
  const parts = await Promise.all(
    commands.map(async ({ name, load }) => `## latchkey ${name}\n\n\`\`\`text\n${(await load()).help.trim()}\n\`\`\``),
  )
  return `# Command line

${made}

In a checkout every command is run as \`npx latchkey …\`. The exit code is 0 when all went well, 1 when it did not, and 2 when the command itself was
not understood.

\`\`\`text
${overview.trim()}
\`\`\`

${parts.join('\n\n')}
`
}

const callers: Record<Route['auth'], string> = {
  none: 'anybody',
  server: 'other servers',
  optional: 'anybody, or signed in',
  user: 'signed in',
  guest: 'signed in, guests too',
  locked: 'signed in, locked accounts too',
}

async function endpoints(): Promise<string> {
  await using homeserver = await createHomeserver({
    server_name: 'reference.test',
    federation: { enabled: true },
    database: 'sqlite::memory:',
    listen: '127.0.0.1:0',
    public_base_url: 'https://matrix.example.org',
    log: { level: 'silent' },
    registration_shared_secret: 'for the reference page alone',
    jwt_config: { enabled: true, secret: 'for the reference page alone, which nobody signs in to', algorithm: 'HS256' },
  })
  const order = (route: Route): string => `${route.path} ${route.method}`
  const rows = [...homeserver.routes]
    .sort((a, b) => (order(a) < order(b) ? -1 : 1))
    .map(
      ({ id, method, path, paths, auth, limit }) =>
        `| ${[path, ...paths].map((one) => `\`${method} ${one}\``).join('<br>')} | ${id} | ${callers[auth]} | ${limit} |`,
    )
  return `# Endpoints

${made}

What this version answers: ${rows.length} operations. Any other path is answered \`404 M_UNRECOGNIZED\`, a path of the list with another method
\`405 M_UNRECOGNIZED\`.

- *Operation* is the specification's \`operationId\`, by which it is found in the
  [client-server API](https://spec.matrix.org/v1.19/client-server-api/). Names that are not there belong to endpoints outside the specification.
- Every path below \`/_matrix/client/v3/\` and \`/_matrix/media/v3/\` answers below \`r0\` too.
- *Limit* is the kind of [rate limit](../topics/rate-limits.md) that a request counts for; *own*: the endpoint counts by itself.

| Endpoint | Operation | For whom | Limit |
|---|---|---|---|
${rows.join('\n')}
`
}

/** What prom-client knows of a metric, beyond what its types tell. */
interface KnownMetric {
  name: string
  help: string
  type: string
  labelNames?: string[]
}

function metrics(): string {
  const { registry } = createRegistry()
  const rows = (registry.getMetricsAsArray() as unknown as KnownMetric[]).map(
    ({ name, type, labelNames = [], help }) =>
      `| \`${name}\` | ${type} | ${labelNames.map((label) => `\`${label}\``).join(', ')} | ${help} |`,
  )
  registry.clear()
  return `# Metrics

${made}

What is told where [\`metrics.listen\`](config.md#metricslisten) says; [how to use it](../topics/metrics.md).
Those that do not begin with \`latchkey_\` are of the process and of Node.

| Name | Type | Labels | Meaning |
|---|---|---|---|
${rows.join('\n')}
`
}

/** The generated pages, by their path from the checkout. `config.md` comes from `latchkey config reference` and has a test of its own. */
export const referencePages = async (): Promise<Record<string, string>> => ({
  'docs/reference/cli.md': await commandLine(),
  'docs/reference/endpoints.md': await endpoints(),
  'docs/reference/metrics.md': metrics(),
})

if (import.meta.main)
  for (const [path, text] of Object.entries(await referencePages())) writeFileSync(join(root, path), text)

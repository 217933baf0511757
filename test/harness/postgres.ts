// Databases for tests. PostgreSQL is the one that LATCHKEY_TEST_POSTGRES names (a URL whose user may create databases; `off` for none),
// else one that is started here out of the registry package. `npm test` starts it once for the whole run.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { Client } from 'pg'

/** An empty database and the way to be rid of it. `dispose` may be called while connections are still open. */
export interface TestDatabase {
  url: string
  dispose: () => Promise<void>
}

/**
 * A PostgreSQL server, or one sentence why there is none. The server ends with this process at the latest.
 * `stop` leaves a server that was named by the environment alone.
 */
export async function postgresUrl(): Promise<{ url: string; stop: () => Promise<void> } | { skipped: string }> {
  const given = process.env['LATCHKEY_TEST_POSTGRES']
  if (given === 'off') return { skipped: 'LATCHKEY_TEST_POSTGRES=off' }
  if (given) return { url: given, stop: async () => {} }
  const child = spawn(process.execPath, [join(import.meta.dirname, 'postgres-server.ts')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const { value: line } = (await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next()) as {
    value?: string
  }
  const answer = JSON.parse(line ?? '{"skipped":"it ended without a word"}') as { url: string } | { skipped: string }
  const stop = async (): Promise<void> => {
    child.ref()
    child.stdin.end()
    await ended
  }
  if ('skipped' in answer) {
    await stop()
    return answer
  }
  // Nothing of the server may keep the test process alive: its end is what ends the server.
  child.unref()
  for (const stream of [child.stdin, child.stdout] as unknown as (Readable & { unref(): void })[]) stream.unref()
  return { url: answer.url, stop }
}

async function administer(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

/** The server of this process; what `postgresUrl` answered when this module was loaded. */
export const server = await postgresUrl()
if ('skipped' in server && !process.env['LATCHKEY_TEST_POSTGRES'])
  console.log(`PostgreSQL tests are skipped: ${server.skipped}`)

/** An empty PostgreSQL database of its own. Throws where there is no server; loop over `databases` to be skipped instead. */
export async function freshDatabase(): Promise<TestDatabase> {
  if ('skipped' in server) throw new Error(`no PostgreSQL: ${server.skipped}`)
  const name = `latchkey_test_${randomBytes(8).toString('hex')}`
  await administer(server.url, `create database ${name} encoding 'UTF8' locale 'C' template template0`)
  const url = new URL(server.url)
  url.pathname = `/${name}`
  return { url: url.href, dispose: () => administer(server.url, `drop database if exists ${name} with (force)`) }
}

const folders = new Set<string>()
const remove = (folder: string): void => {
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  folders.delete(folder)
}
// A test that fails may leave without disposing.
process.once('exit', () => folders.forEach(remove))

async function freshFile(): Promise<TestDatabase> {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-sqlite-'))
  folders.add(folder)
  return { url: `sqlite:${join(folder, 'test.db')}`, dispose: async () => remove(folder) }
}

/**
 * Every database a test body has to run on:
 * `for (const db of databases) test(\`… (${db.name})\`, async () => { const { url, dispose } = await db.open() … })`
 */
export const databases: Array<{ name: 'sqlite' | 'postgres'; open: () => Promise<TestDatabase> }> = [
  { name: 'sqlite', open: freshFile },
  ...('skipped' in server ? [] : [{ name: 'postgres' as const, open: freshDatabase }]),
]

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { Client } from 'pg'
import { databases } from './postgres.ts'

const query = async (url: string, text: string): Promise<unknown[]> => {
  const client = new Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(text)).rows
  } finally {
    await client.end()
  }
}

for (const db of databases) {
  test(`every call opens a database of its own and dispose removes it (${db.name})`, async () => {
    const [one, two] = [await db.open(), await db.open()]
    assert.notEqual(one.url, two.url)
    if (db.name === 'postgres') {
      await query(one.url, 'create table t (x int)')
      assert.deepEqual(await query(two.url, "select tablename from pg_tables where schemaname = 'public'"), [])
      await one.dispose()
      await assert.rejects(query(one.url, 'select 1'), /does not exist/)
    } else {
      await one.dispose()
      assert.equal(existsSync(new URL(one.url.replace('sqlite:', 'file:'))), false)
    }
    await two.dispose()
  })
}

test(
  'a server that was started for one process is gone after it, whoever it runs as',
  { skip: databases.length < 2 },
  async () => {
    const program = `import { postgresUrl } from '${import.meta.dirname}/postgres.ts'
    const started = await postgresUrl()
    console.log(JSON.stringify(started))`
    const env = { ...process.env }
    delete env['LATCHKEY_TEST_POSTGRES']
    const lines = execFileSync(process.execPath, ['--input-type=module', '--eval', program], { env, encoding: 'utf8' })
      .trim()
      .split('\n')
    const { url } = JSON.parse(lines.at(-1) ?? '') as { url: string }
    for (let left = 50; left > 0; left--) {
      const alive = await query(url, 'select 1').then(
        () => true,
        () => false,
      )
      if (!alive) return
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    assert.fail('the server still answers')
  },
)

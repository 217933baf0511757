import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { openForeignSqlite } from '../../storage/index.ts'
import { checkSchema } from './schema.ts'

/** What becomes of a database with these tables. */
async function verdict(statements: string): Promise<number | string> {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-schema-'))
  try {
    const file = join(folder, 'synapse.db')
    const db = new DatabaseSync(file)
    db.exec(statements)
    db.close()
    await using source = openForeignSqlite(file)
    return await checkSchema(source).catch((error: Error) => `${error.name}: ${error.message}`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const schema = (version: number, update = 'add_some_index'): string =>
  `create table schema_version (version integer); insert into schema_version values (${version});
   create table background_updates (update_name text); insert into background_updates values ('${update}')`

test('a schema that is known is read, whatever indexes are still being made', async () => {
  assert.equal(await verdict(schema(94)), 94)
})

test('any other is refused with a sentence that says what to do', async () => {
  assert.match(String(await verdict(schema(72))), /^DatabaseRefused: .*schema 72.*Bring Synapse up to date/)
  assert.match(String(await verdict(schema(200))), /^DatabaseRefused: .*schema 200.*Take a newer Latchkey/)
  assert.match(String(await verdict('create table other (x)')), /^DatabaseRefused: .*not one of Synapse/)
  assert.match(
    String(await verdict(schema(94, 'events_populate_state_key_rejections'))),
    /^DatabaseRefused: .*"events_populate_state_key_rejections" is under way/,
  )
})

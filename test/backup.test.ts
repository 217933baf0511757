// Backups of a server at work, and the way back; and the way from SQLite to PostgreSQL.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Client } from './harness/client.ts'
import { jwtConfig } from './harness/jwt.ts'
import { databases } from './harness/postgres.ts'
import { startServer } from './harness/server.ts'

const folder = mkdtempSync(join(tmpdir(), 'latchkey-backup-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const main = join(import.meta.dirname, '..', 'src', 'cli', 'main.ts')

const latchkey = (...args: string[]): { status: number | null; stdout: string; stderr: string } =>
  spawnSync(process.execPath, [main, ...args], { cwd: folder, encoding: 'utf8', env: { PATH: process.env['PATH'] } })

/** A configuration with its data in a folder of its own. */
function configOf(name: string, database?: string) {
  const config = {
    server_name: 'test',
    data_dir: join(folder, name),
    database: database ?? `sqlite:${join(folder, name, 'latchkey.db')}`,
    signing_key_file: join(folder, name, 'signing.key'),
    listen: '127.0.0.1:0',
    jwt_config: jwtConfig,
    log: { level: 'error' as const },
  }
  const file = join(folder, `${name}.yaml`)
  writeFileSync(file, JSON.stringify(config))
  return { file, config }
}

async function say(client: Client, text: string): Promise<string> {
  const room = await client.createRoom()
  await client.send(room, text)
  return room
}

const said = async (client: Client, room: string): Promise<string> =>
  JSON.stringify(await client.req('GET', `/rooms/${encodeURIComponent(room)}/messages?dir=b`))

test('a backup of a running server is verified, restored elsewhere, and has everything', async () => {
  const { file, config } = configOf('first')
  let room: string
  {
    await using server = await startServer(config)
    room = await say(await server.login('alice'), 'before the backup')
    const { status, stdout, stderr } = latchkey('backup', 'kept', '--config', file)
    assert.equal(status, 0, stderr)
    assert.match(stdout, /^A backup of test is in kept: the database, signing\.key, 0 files\. It was verified\.$/m)
    assert.equal(latchkey('backup', 'kept', '--config', file).status, 0)
  }
  const second = configOf('second')
  assert.equal(latchkey('restore', 'kept', '--config', second.file).status, 0)
  assert.equal(
    readFileSync(join(folder, 'second/signing.key'), 'utf8'),
    readFileSync(join(folder, 'first/signing.key'), 'utf8'),
  )
  {
    await using server = await startServer(second.config)
    assert.match(await said(await server.login('alice'), room), /before the backup/)
  }
  const again = latchkey('restore', 'kept', '--config', second.file)
  assert.deepEqual([again.status, again.stdout], [1, ''])
  assert.match(again.stderr, /is there already, and nothing is overwritten/)
  writeFileSync(join(folder, 'kept/signing.key'), 'ed25519 a_1 another')
  assert.match(latchkey('restore', 'kept', '--config', configOf('third').file).stderr, /is not what it was/)
  assert.match(latchkey('restore', 'nowhere', '--config', configOf('third').file).stderr, /it is no backup/)
})

const postgres = databases.find(({ name }) => name === 'postgres')
test(
  'an SQLite database is moved to PostgreSQL with all that is in it',
  { skip: !postgres && 'there is no PostgreSQL' },
  async () => {
    const { file, config } = configOf('old')
    let [room, token] = ['', '']
    {
      await using server = await startServer(config)
      const alice = await server.login('alice')
      room = await say(alice, 'a word to be found later')
      token = alice.token ?? ''
    }
    const database = await postgres?.open()
    if (!database) return
    await using stack = new AsyncDisposableStack()
    stack.defer(database.dispose)
    const moved = latchkey('migrate-database', '--to', database.url, '--config', file)
    assert.equal(moved.status, 0, moved.stderr)
    assert.match(moved.stdout, /^events: (\d+) of \1$/m)
    assert.match(moved.stdout, /^All \d+ rows are in the new database/m)
    assert.match(latchkey('migrate-database', '--to', database.url, '--config', file).stderr, /has accounts already/)
    const server = stack.use(await startServer({ ...config, database: database.url }))
    const whoami = await fetch(`${server.url}/_matrix/client/v3/account/whoami`, {
      headers: { authorization: `Bearer ${token}` },
    })
    assert.equal(((await whoami.json()) as { user_id: string }).user_id, '@alice:test')
    const alice = await server.login('alice')
    assert.match(await said(alice, room), /a word to be found later/)
    // Sequences go on where they were, and the index is made anew.
    await alice.send(room, 'and another')
    const search = { search_categories: { room_events: { search_term: 'found' } } }
    let found = ''
    do found = JSON.stringify(await alice.req('POST', '/search', search))
    while (!found.includes('a word to be found later'))
  },
)

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Client } from '../../test/harness/client.ts'
import { jwtConfig } from '../../test/harness/jwt.ts'
import { freePort, startCommand, startProcess } from '../../test/harness/process.ts'

const main = join(import.meta.dirname, 'main.ts')

test('what administrators have done is listed, by the running server and without it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-audit-'))
  const file = join(folder, 'latchkey.yaml')
  const latchkey = (...args: string[]): Promise<string> =>
    new Promise((resolve) => {
      execFile(process.execPath, [main, ...args, '--config', file], (_error, stdout, stderr) =>
        resolve(stdout + stderr),
      )
    })
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const config = {
    server_name: 'test',
    data_dir: folder,
    listen: `127.0.0.1:${port}`,
    log: { level: 'error' },
    jwt_config: jwtConfig,
  }
  const command = startCommand(file, config)
  try {
    const server = await startProcess(url, command)
    try {
      assert.match(await latchkey('user', 'create', 'root', '--admin', '--no-password'), /@root:test is there/)
      const [root, alice] = [await new Client(url).login('root'), await new Client(url).login('alice')]
      const path = `/_synapse/admin/v1/users/${encodeURIComponent(alice.userId)}/shadow_ban`
      await root.req('POST', path, {})
      await root.req('DELETE', path)
      const lines = (await latchkey('audit', 'list')).trimEnd().split('\n')
      const expected = ['adminShadowBan', 'adminShadowUnban'].map((action) => [
        '@root:test',
        action,
        '@alice:test',
        '127.0.0.1',
        'done',
      ])
      assert.deepEqual(
        lines.map((line) => line.split('\t').slice(1)),
        expected,
      )
      assert.equal(await latchkey('audit', 'list', '--target', '@nobody:test'), '')
    } finally {
      await server.end('SIGTERM')
    }
    const last = JSON.parse(await latchkey('audit', 'list', '--limit', '1', '--json')) as { target: string }
    assert.equal(last.target, '@alice:test')
    assert.match(await latchkey('audit', 'list', '--limit', '0'), /--limit is a number from 1 to 10000/)
    assert.match(await latchkey('audit', 'list', 'x'), /--target/)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startServer } from '../../test/harness/server.ts'
import { clientFetch } from './fixture.test.ts'

test('a homeserver keeps files in its data folder, over a restart', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-homeserver-'))
  const settings = { data_dir: folder, database: `sqlite:${join(folder, 'test.db')}` }
  let path = ''
  {
    await using server = await startServer(settings)
    const { token } = await server.login('alice')
    const answer = await clientFetch(`${server.url}/_matrix/media/v3/upload`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      body: 'hello',
    })
    const { content_uri: uri } = (await answer.json()) as { content_uri: string }
    path = `/_matrix/client/v1/media/download/${uri.replace('mxc://', '')}`
  }
  {
    await using server = await startServer(settings)
    const bob = await server.login('bob')
    const answer = await clientFetch(server.url + path, { headers: { authorization: `Bearer ${bob.token}` } })
    assert.deepEqual([answer.status, await answer.text()], [200, 'hello'])
    assert.equal((await clientFetch(server.url + path)).status, 401)
  }
  assert.deepEqual((await readdir(join(folder, 'media'))).length, 2)
  await rm(folder, { recursive: true })
})

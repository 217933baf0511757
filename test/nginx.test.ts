// What one client does to its own request through a proxy never reaches the next client, who gets the same connection.
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createHomeserver } from '../src/server/index.ts'
import { Client } from './harness/client.ts'
import { jwtConfig } from './harness/jwt.ts'
import { hasNginx, startNginx } from './harness/nginx.ts'

const patience = 3000
const bytes = 1_200_000
const scimToken = 'the-token-of-the-provider,-which-is-long-enough'

/** Sends a request with a body that is larger than most are read, and waits for the beginning of the answer. */
async function poison(port: number, head: string, chunked: boolean): Promise<void> {
  const socket = connect(port, '127.0.0.1').on('error', () => {})
  const answered = Promise.withResolvers<void>()
  socket.once('data', answered.resolve).once('close', answered.resolve)
  const part = 'x'.repeat(100_000)
  socket.write(`${head}${chunked ? 'transfer-encoding: chunked' : `content-length: ${bytes}`}\r\n\r\n`)
  for (let sent = 0; sent < bytes; sent += part.length)
    socket.write(chunked ? `${part.length.toString(16)}\r\n${part}\r\n` : part)
  if (chunked) socket.write('0\r\n\r\n')
  await Promise.race([answered.promise, sleep(patience)])
  socket.destroy()
}

const skip = hasNginx ? false : 'there is no nginx on this machine'

for (const buffering of ['on', 'off']) {
  test(`bodies that are refused poison no connection of nginx (request buffering ${buffering})`, { skip }, async () => {
    await using homeserver = await createHomeserver({
      server_name: 'test',
      database: 'sqlite::memory:',
      listen: '127.0.0.1:0',
      rate_limits: 'off',
      jwt_config: jwtConfig,
      log: { level: 'silent' },
      public_base_url: 'https://chat.test',
      identity_providers: [
        {
          id: 'jwt',
          type: 'jwt',
          issuer: 'https://login.example.org',
          audiences: ['matrix'],
          secret: ['a secret of a provider, long enough'],
          scim: { token: [scimToken] },
        },
      ],
      media: { max_upload_size: '1M' },
    })
    await using nginx = await startNginx(homeserver.url, `proxy_request_buffering ${buffering};`)
    const alice = await new Client(homeserver.url).login('alice')
    const asked: string[] = []
    for (const { method, path } of homeserver.routes) {
      if (method === 'GET' || path.endsWith('/logout') || path.endsWith('/logout/all')) continue
      const target = path.replaceAll(/:\w+/g, 'jwt')
      for (const bearer of [undefined, path.includes('/scim/') ? scimToken : alice.token]) {
        const token = bearer === undefined ? '' : `authorization: Bearer ${bearer}\r\n`
        const head = `${method} ${target} HTTP/1.1\r\nhost: chat.test\r\n${token}`
        await poison(nginx.port, `${head}content-type: application/x-www-form-urlencoded\r\n`, buffering === 'off')
        const victim = await fetch(`http://127.0.0.1:${nginx.port}/_matrix/client/versions`, {
          signal: AbortSignal.timeout(patience),
        }).catch((error: unknown) => error)
        assert.ok(victim instanceof Response && victim.status === 200, `after ${method} ${path}: ${String(victim)}`)
        await victim.text()
        asked.push(path)
      }
    }
    assert.ok(asked.length > 200)
  })
}

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { test } from 'node:test'
import { createAuthority } from '../../test/harness/certificates.ts'
import { createOutgoing } from './index.ts'

const portOf = (server: { address(): unknown }): number => (server.address() as AddressInfo).port

test('others are asked through the proxy, encrypted or not, with its password, and those that are excepted are not', async () => {
  await using stack = new AsyncDisposableStack()
  const authority = createAuthority()
  const plain = createServer((_request, response) => response.end('plain')).listen(0, '127.0.0.1')
  const secure = createTlsServer(authority.issue(['target.test']), (_request, response) =>
    response.end('secure'),
  ).listen(0, '127.0.0.1')
  const asked: string[] = []
  const sockets = new Set<Socket>()
  const proxy = createServer().listen(0, '127.0.0.1')
  proxy.on('connect', ({ url = '', headers }, socket: Socket) => {
    asked.push(url)
    sockets.add(socket)
    if (headers['proxy-authorization'] !== `Basic ${btoa('us:er')}`) {
      socket.end('HTTP/1.1 407 No\r\n\r\n')
      return
    }
    const way = connect(Number(url.split(':')[1]), '127.0.0.1', () => socket.write('HTTP/1.1 200 Yes\r\n\r\n'))
    sockets.add(way)
    way.pipe(socket).pipe(way)
    for (const one of [way, socket]) one.on('error', () => one.destroy())
  })
  const servers = [plain, secure, proxy]
  await Promise.all(servers.map((server) => once(server, 'listening')))
  stack.defer(() => servers.forEach((server) => server.close()))
  stack.defer(() => sockets.forEach((socket) => socket.destroy()))
  const unknown = (): Promise<never> => Promise.reject(new Error('only the proxy knows it'))
  const through = (url: string, resolve: () => Promise<never[]> = unknown) =>
    stack.use(createOutgoing({ ca: [authority.cert], resolve, proxy: { url, except: ['.inside.test'] } }))

  const ask = through(`http://us:er@127.0.0.1:${portOf(proxy)}`)
  assert.equal((await ask(`http://target.test:${portOf(plain)}/`)).body.toString(), 'plain')
  assert.equal((await ask(`https://target.test:${portOf(secure)}/`)).body.toString(), 'secure')
  assert.deepEqual(asked, [`target.test:${portOf(plain)}`, `target.test:${portOf(secure)}`])
  // Its name is known to nobody but the proxy, which is not asked.
  await assert.rejects(ask('http://keys.inside.test/', { configured: true }), { code: 'unreachable' })
  await assert.rejects(ask('http://10.0.0.1/'), { code: 'forbidden-address' })
  assert.equal(asked.length, 2)
  assert.equal((await ask(`http://127.0.0.1:${portOf(plain)}/`, { configured: true })).body.toString(), 'plain')
  assert.equal(asked.length, 2)

  await assert.rejects(through(`http://127.0.0.1:${portOf(proxy)}`)('http://target.test/'), { code: 'unreachable' })
})

test('a name that is known to lead into a private network is not asked for through the proxy either', async () => {
  await using ask = createOutgoing({
    proxy: { url: 'http://127.0.0.1:1', except: [] },
    resolve: () => Promise.resolve([{ address: '10.1.2.3', family: 4 }]),
  })
  await assert.rejects(ask('http://inside.test/'), { code: 'forbidden-address' })
})

// What those who watch over the server see: while all is well, and while the database is away.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createConnection, createServer, type AddressInfo, type Socket } from 'node:net'
import { test } from 'node:test'
import { databases } from './harness/postgres.ts'
import { startServer } from './harness/server.ts'

/** A way to PostgreSQL that can be cut. */
async function wayTo(target: URL): Promise<{ url: string; cut: () => void } & AsyncDisposable> {
  const open = new Set<Socket>()
  let isCut = false
  const way = createServer((socket) => {
    if (isCut) {
      socket.destroy()
      return
    }
    const other = createConnection({ host: target.hostname, port: Number(target.port) })
    for (const one of [socket, other]) {
      open.add(one)
      one.on('error', () => one.destroy())
    }
    socket.pipe(other).pipe(socket)
  }).listen(0, '127.0.0.1')
  await once(way, 'listening')
  const url = new URL(target)
  url.host = `127.0.0.1:${(way.address() as AddressInfo).port}`
  const cut = (): void => {
    isCut = true
    for (const socket of open) socket.destroy()
  }
  return {
    url: url.href,
    cut,
    [Symbol.asyncDispose]: async () => {
      cut()
      way.close()
      await once(way, 'close')
    },
  }
}

for (const db of databases) {
  test(`a server that is well says so (${db.name})`, async () => {
    const { url, dispose } = await db.open()
    await using stack = new AsyncDisposableStack()
    stack.defer(dispose)
    const server = stack.use(await startServer({ database: url }))
    for (const path of ['/health', '/ready']) {
      const answer = await fetch(server.url + path)
      const { position, ...body } = (await answer.json()) as { position: number }
      assert.deepEqual([answer.status, body], [200, { status: 'ok', database: 'ok', writes: 'ok' }])
      assert.ok(Number.isSafeInteger(position))
    }
  })
}

const postgres = databases.find(({ name }) => name === 'postgres')
test(
  'while PostgreSQL is away the server says that it is not well',
  { skip: !postgres && 'there is no PostgreSQL' },
  async () => {
    const database = await postgres?.open()
    if (!database) return
    await using stack = new AsyncDisposableStack()
    stack.defer(database.dispose)
    const way = stack.use(await wayTo(new URL(database.url)))
    const server = await startServer({ database: way.url, log: { level: 'silent' } })
    // What is closed without its database says that it could not say good-bye.
    stack.defer(async () => {
      await Promise.allSettled([server[Symbol.asyncDispose]()])
    })
    assert.equal((await fetch(`${server.url}/ready`)).status, 200)
    way.cut()
    let answer: Response
    do answer = await fetch(`${server.url}/health`)
    while (answer.status === 200)
    assert.deepEqual([answer.status, answer.headers.get('retry-after')], [503, '5'])
    assert.equal(((await answer.json()) as { status: string }).status, 'failing')
    assert.equal((await fetch(`${server.url}/_matrix/client/versions`)).status, 200)
  },
)

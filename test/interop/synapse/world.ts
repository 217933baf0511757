// A Latchkey and a Synapse that find each other by name over TLS, with an authority that both trust.
import assert, { AssertionError } from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createHomeserver, type Homeserver } from '../../../src/server/index.ts'
import { createAuthority } from '../../harness/certificates.ts'
import { Client, type ClientEvent } from '../../harness/client.ts'
import { jwtConfig } from '../../harness/jwt.ts'
import { freePort } from '../../harness/process.ts'
import { startSynapse, synapse as found, type Synapse } from './synapse.ts'

export interface World extends AsyncDisposable {
  readonly synapse: Synapse
  readonly latchkey: { readonly name: string; readonly homeserver: Homeserver; login(name: string): Promise<Client> }
  /** From now on neither of the two reaches the other. */
  cut(): void
  /** They do again. */
  heal(): void
}

/** The one place at which a server is found by the other: what arrives is handed on, unless the two are cut off. */
interface Gate extends Disposable {
  readonly port: number
  isShut: boolean
  close(): void
}

async function openGate(target: number): Promise<Gate> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    if (gate.isShut) {
      socket.destroy()
      return
    }
    const onward = connect(target, '127.0.0.1')
    for (const one of [socket, onward]) {
      sockets.add(one)
      one.on('error', () => one.destroy())
      one.on('close', () => {
        sockets.delete(one)
        socket.destroy()
        onward.destroy()
      })
    }
    socket.pipe(onward).pipe(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  const gate: Gate = {
    port: (server.address() as AddressInfo).port,
    isShut: false,
    close,
    [Symbol.dispose]: () => {
      close()
      server.close()
    },
  }
  return gate
}

const enc = encodeURIComponent

/** Starts both, with empty databases. */
export async function startWorld(python: string): Promise<World> {
  await using stack = new AsyncDisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-synapse-'))
  stack.defer(() => rmSync(folder, { recursive: true, force: true }))
  const authority = createAuthority()
  const { cert, key } = authority.issue(['localhost'])
  const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem'), ca: join(folder, 'ca.pem') }
  writeFileSync(files.cert, cert)
  writeFileSync(files.key, key)
  writeFileSync(files.ca, authority.cert)
  const port = await freePort()
  const ours = stack.use(await openGate(port))
  const name = `localhost:${ours.port}`
  const homeserver = stack.use(
    await createHomeserver({
      server_name: name,
      database: `sqlite:${join(folder, 'latchkey.db')}`,
      data_dir: folder,
      listen: ['127.0.0.1:0', `127.0.0.1:${port} tls`],
      tls: { certificate_file: files.cert, key_file: files.key },
      rate_limits: 'off',
      jwt_config: jwtConfig,
      log: { level: process.env['LATCHKEY_TEST_LOG'] === undefined ? 'silent' : 'info' },
      federation: {
        enabled: true,
        ca_file: files.ca,
        allow_addresses: ['127.0.0.0/8', '::1'],
        notaries: [],
      },
    }),
  )
  const [theirPort, clientPort] = [await freePort(), await freePort()]
  const theirs = stack.use(await openGate(theirPort))
  const wish = { folder, name: `localhost:${theirs.port}`, port: theirPort, clientPort, authority }
  const synapse = stack.use(await startSynapse(python, wish))
  const owned = stack.move()
  return {
    synapse,
    latchkey: { name, homeserver, login: (user) => new Client(homeserver.url).login(user) },
    cut: () => {
      for (const gate of [ours, theirs]) {
        gate.isShut = true
        gate.close()
      }
    },
    heal: () => {
      for (const gate of [ours, theirs]) gate.isShut = false
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** What the tests of one file share: a world that the first of them starts. */
export function oneWorld() {
  let shared: Promise<World> | undefined
  let names = 0
  return {
    skip: found ? false : 'no Synapse here, and none can be installed',
    world: (): Promise<World> => (shared ??= startWorld(found?.python ?? '')),
    /** A name that nobody has. */
    fresh: (name: string): string => `${name}${++names}`,
    close: async (): Promise<void> => (await shared)?.[Symbol.asyncDispose](),
  }
}

/** Waits until something is so, for a generous while. */
export async function until<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T> {
  const end = Date.now() + 60_000
  let failure: unknown
  for (;;) {
    try {
      const found = await look()
      if (found !== undefined && found !== false) return found
      failure = undefined
    } catch (error) {
      failure = error
    }
    if (Date.now() > end) throw new AssertionError({ message: `a minute has not brought it: ${what}`, actual: failure })
    await sleep(100)
  }
}

/** The newest events of a room as somebody sees them, the newest first. */
export const newest = async (client: Client, roomId: string, limit = 50): Promise<ClientEvent[]> =>
  (await client.req<{ chunk: ClientEvent[] }>('GET', `/rooms/${enc(roomId)}/messages?dir=b&limit=${limit}`)).chunk

/** Waits until somebody has an event. */
export const sees = (client: Client, roomId: string, eventId: string): Promise<ClientEvent> =>
  until(`${client.userId} sees ${eventId}`, async () =>
    (await newest(client, roomId)).find((event) => event.event_id === eventId),
  )

/** Says something, and waits until the other sees it. */
export async function tells(from: Client, to: Client, roomId: string, text: string): Promise<string> {
  const id = await from.send(roomId, text)
  assert.equal((await sees(to, roomId, id)).content['body'], text)
  return id
}

/** How somebody stands to a room, as another sees it. */
export const membership = async (client: Client, roomId: string, userId: string): Promise<unknown> => {
  const { status, body } = await client.ask('GET', `/rooms/${enc(roomId)}/state/m.room.member/${enc(userId)}`)
  return status === 200 ? body['membership'] : undefined
}

/** Waits until both see how somebody stands. */
export async function stands(clients: readonly Client[], roomId: string, userId: string, as: string): Promise<void> {
  for (const client of clients)
    await until(
      `${client.userId} sees ${userId} as ${as}`,
      async () => (await membership(client, roomId, userId)) === as,
    )
}

/** The state of a room as somebody sees it: which event holds each place. */
export async function stateOf(client: Client, roomId: string): Promise<Record<string, string>> {
  const events = await client.req<ClientEvent[]>('GET', `/rooms/${enc(roomId)}/state`)
  return Object.fromEntries(
    events
      .map((event) => [`${event.type} ${event.state_key ?? ''}`, event.event_id] as const)
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  )
}

/** Waits until both see one and the same state. */
export async function agree(one: Client, other: Client, roomId: string): Promise<void> {
  const last = { one: {}, other: {} }
  await until('one state on both sides', async () => {
    last.one = await stateOf(one, roomId)
    last.other = await stateOf(other, roomId)
    return JSON.stringify(last.one) === JSON.stringify(last.other)
  }).catch(() => assert.deepEqual(last.one, last.other))
}

// The homeserver as scenarios see it: a place to send requests to, and users.
import { accountSource, call, jwtLogin, type Account } from './accounts.ts'
import { each } from './measure.ts'
import type { Options } from './options.ts'
import { cpuSeconds, type Server } from './server.ts'
import { buildRequest, Connection, parseOrigin, type Origin } from './wire.ts'

export interface Target {
  origin: Origin
  options: Options
  /** The process, where it is ours to stop and start. */
  server?: Server
  pid: () => number | undefined
  cpuSeconds: () => number | undefined
  /** The first `count` users of the run, the same ones every time. */
  users: (count: number) => Promise<Account[]>
  /** `count` users that nobody else gets. */
  newUsers: (count: number) => Promise<Account[]>
  /** A login request for a user of this name; `undefined` when sign-in by JWT is not to be had. */
  loginRequest: (name: string) => Buffer | undefined
  /** New connections; `closeConnections` closes all there are. */
  connect: (count: number) => Connection[]
  closeConnections: () => void
  /** One request of setting a scene, on a connection kept for that. */
  call: <T = Record<string, unknown>>(
    account: Account | undefined,
    method: string,
    path: string,
    body?: unknown,
  ) => Promise<T>
  createRoom: (owner: Account, options?: Record<string, unknown>) => Promise<string>
  join: (account: Account, roomId: string) => Promise<void>
  say: (what: string) => void
}

const setupWidth = 8

export function openTarget(url: string, options: Options, server: Server | undefined): Target {
  const origin = parseOrigin(url)
  const source = accountSource(options)
  const run = `b${Date.now().toString(36)}`
  const [pool, open, idle]: [Account[], Connection[], Connection[]] = [[], [], []]
  let made = 0
  const pid = (): number | undefined => server?.pid() ?? options.pid
  const borrow = async <T>(work: (connection: Connection) => Promise<T>): Promise<T> => {
    const connection = idle.pop() ?? new Connection(origin)
    try {
      return await work(connection)
    } finally {
      idle.push(connection)
    }
  }
  const newUsers = async (count: number): Promise<Account[]> => {
    const first = made
    made += count
    const found: Account[] = []
    await each(
      Array.from({ length: count }, (_, index) => first + index),
      setupWidth,
      async (number, index) => {
        found[index] = await borrow((connection) => source(connection, origin, `${run}-${number}`, number))
      },
    )
    return found
  }
  const ask: Target['call'] = (account, method, path, body) =>
    borrow((connection) => call(connection, origin, method, path, account?.token, body))
  return {
    origin,
    options,
    pid,
    newUsers,
    call: ask,
    ...(server ? { server } : {}),
    cpuSeconds: () => cpuSeconds(pid()),
    users: async (count) => {
      if (pool.length < count) pool.push(...(await newUsers(count - pool.length)))
      return pool.slice(0, count)
    },
    loginRequest: (name) =>
      options.jwtSecret === undefined
        ? undefined
        : buildRequest(origin, 'POST', '/_matrix/client/v3/login', {
            body: JSON.stringify(jwtLogin(`${run}-${name}`, options.jwtSecret)),
          }),
    connect: (count) => {
      const connections = Array.from({ length: count }, () => new Connection(origin))
      open.push(...connections)
      return connections
    },
    closeConnections: () => {
      for (const connection of [...open.splice(0), ...idle.splice(0)]) connection.close()
    },
    createRoom: async (owner, roomOptions = {}) =>
      (
        await ask<{ room_id: string }>(owner, 'POST', '/_matrix/client/v3/createRoom', {
          preset: 'public_chat',
          ...roomOptions,
        })
      ).room_id,
    join: async (account, roomId) => {
      await ask(account, 'POST', `/_matrix/client/v3/join/${encodeURIComponent(roomId)}`, {})
    },
    say: (what) => process.stderr.write(`  ${what}\n`),
  }
}

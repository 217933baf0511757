// A whole homeserver in this process.
import { createHomeserver } from '../../src/server/index.ts'
import { Client } from './client.ts'
import { jwtConfig } from './jwt.ts'

/** What `createHomeserver` takes. */
export type ServerConfig = Parameters<typeof createHomeserver>[0]

/** A running homeserver called `test`, to be had with `await using`. */
export interface TestServer extends AsyncDisposable {
  url: string
  /** A client without a session. */
  client: () => Client
  /** A client signed in by JWT as this user, who is made when not there. */
  login: (name: string) => Promise<Client>
}

/** Starts a homeserver on a free port, in memory unless `database` says otherwise, without rate limits; JWTs of the harness sign users in. */
export async function startServer(config: Partial<ServerConfig> = {}): Promise<TestServer> {
  const homeserver = await createHomeserver({
    server_name: 'test',
    database: 'sqlite::memory:',
    listen: '127.0.0.1:0',
    rate_limits: 'off',
    jwt_config: jwtConfig,
    ...config,
  })
  const client = (): Client => new Client(homeserver.url)
  return {
    url: homeserver.url,
    client,
    login: (name) => client().login(name),
    [Symbol.asyncDispose]: () => homeserver[Symbol.asyncDispose](),
  }
}

// A homeserver with three people and an administrator for the tests of this folder.
import { test } from 'node:test'
import { pino } from 'pino'
import { databases } from '../../test/harness/postgres.ts'
import { Client } from '../../test/harness/client.ts'
import { jwtConfig } from '../../test/harness/jwt.ts'
import { createHomeserver, type Homeserver } from '../server/index.ts'

export type Name = 'alice' | 'bob' | 'carol' | 'root'

export interface World extends Record<Name, Client> {
  readonly server: Homeserver
  /** What was logged as a warning. */
  readonly warnings: Record<string, unknown>[]
}

export const enc = encodeURIComponent

/** Runs a test on each database. */
export function over(name: string, body: (world: World) => Promise<void>): void {
  for (const kind of databases) {
    test(`${name} (${kind.name})`, async () => {
      const { url, dispose } = await kind.open()
      {
        const warnings: Record<string, unknown>[] = []
        const logger = pino(
          { level: 'warn', base: null, timestamp: false },
          { write: (line: string) => void warnings.push(JSON.parse(line) as Record<string, unknown>) },
        )
        await using server = await createHomeserver(
          {
            server_name: 'test',
            database: url,
            listen: '127.0.0.1:0',
            rate_limits: 'off',
            jwt_config: jwtConfig,
          },
          { logger },
        )
        const person = async (who: Name): Promise<Client> => new Client(server.url).login(who)
        const root = await person('root')
        await server.users.setAdmin(await server.users.intern(root.userId), true)
        await body({
          server,
          warnings,
          root,
          alice: await person('alice'),
          bob: await person('bob'),
          carol: await person('carol'),
        })
      }
      await dispose()
    })
  }
}

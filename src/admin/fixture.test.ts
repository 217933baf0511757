// A homeserver with three people and an administrator for the tests of this folder.
import { test } from 'node:test'
import { pino } from 'pino'
import { databases } from '../../test/harness/postgres.ts'
import { type Body, Client } from '../../test/harness/client.ts'
import { jwtConfig } from '../../test/harness/jwt.ts'
import type { Database } from '../storage/index.ts'
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

/** Asks until it has ended. */
export async function ended(root: Client, path: string): Promise<Body> {
  for (let tries = 0; tries < 3000; tries++) {
    const body = await root.req('GET', path)
    if (body['status'] !== 'active' && body['status'] !== 'scheduled') return body
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error('It does not end')
}

/** Everything in any table that tells of a room. */
export async function leftOf(
  { read: db }: Pick<Database, 'read'>,
  nid: number,
  roomId: string,
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  const byNid = [
    'events',
    'memberships',
    'relations',
    'receipts',
    'account_data',
    'aliases',
    'appservice_rooms',
  ] as const
  for (const table of byNid)
    counts[table] = (await db.selectFrom(table).where('room_nid', '=', nid).select('room_nid').execute()).length
  counts['rooms'] = (await db.selectFrom('rooms').where('nid', '=', nid).select('nid').execute()).length
  counts['delayed_events'] = (
    await db.selectFrom('delayed_events').where('room_id', '=', roomId).select('room_id').execute()
  ).length
  counts['reports'] = (await db.selectFrom('reports').where('room_id', '=', roomId).select('nid').execute()).length
  const sets = await db.selectFrom('state_sets').where('delta', '<>', '[]').select(['nid', 'delta']).execute()
  const events = new Set((await db.selectFrom('events').select('nid').execute()).map((row) => row.nid))
  counts['state_sets'] = sets.filter(({ delta }) =>
    (JSON.parse(delta) as number[]).some((one, index) => index % 2 === 1 && one !== 0 && !events.has(one)),
  ).length
  counts['search_index'] = (await db.selectFrom('search_index').select('rowid').execute()).filter(
    ({ rowid }) => !events.has(Math.floor(rowid / 2)),
  ).length
  return counts
}

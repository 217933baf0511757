// A whole server for the tests of /sync, which may be another process's for all the clients know: it restarts between their syncs.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Client, ClientEvent, SyncBody, SyncRoom } from '../../test/harness/client.ts'
import { databases } from '../../test/harness/postgres.ts'
import { startServer, type ServerConfig, type TestServer } from '../../test/harness/server.ts'

export interface Stage {
  login: (name: string) => Promise<Client>
  /** What a client's next sync is answered from: memory, or the tables after a restart. */
  between: () => Promise<void>
  /** The server ends and comes back, whatever the kind of stage. */
  restart: () => Promise<void>
  kind: 'memory' | 'tables'
}

/** Runs a test on every database, each time with all in memory and with a restart at every `between`. */
export function over(name: string, body: (stage: Stage) => Promise<void>, config: Partial<ServerConfig> = {}): void {
  for (const db of databases) {
    for (const kind of ['memory', 'tables'] as const) {
      test(`${name} (${db.name}, from ${kind})`, async () => {
        const database = await db.open()
        const folder = mkdtempSync(join(tmpdir(), 'latchkey-sync-'))
        let server: TestServer | undefined
        try {
          const start = async (listen: string): Promise<TestServer> =>
            startServer({ database: database.url, data_dir: folder, listen, ...config })
          server = await start('127.0.0.1:0')
          const { host } = new URL(server.url)
          const restart = async (): Promise<void> => {
            await server?.[Symbol.asyncDispose]()
            server = await start(host)
          }
          const login = (who: string): Promise<Client> => {
            if (!server) throw new Error('the server is gone')
            return server.login(who)
          }
          await body({ kind, login, restart, between: kind === 'tables' ? restart : async () => {} })
        } finally {
          await server?.[Symbol.asyncDispose]()
          await database.dispose()
          rmSync(folder, { recursive: true, force: true })
        }
      })
    }
  }
}

/** `sync` with a filter. */
export const filtered = (
  client: Client,
  filter: object,
  query: Record<string, string | number | boolean> = {},
): Promise<SyncBody> => client.sync({ filter: JSON.stringify(filter), ...query })

export const joinedIn = (body: SyncBody, roomId: string): SyncRoom => {
  const room = body.rooms?.join?.[roomId]
  if (!room) throw new Error(`the answer does not have ${roomId} as joined: ${JSON.stringify(body)}`)
  return room
}

export const leftIn = (body: SyncBody, roomId: string): SyncRoom => {
  const room = body.rooms?.leave?.[roomId]
  if (!room) throw new Error(`the answer does not have ${roomId} as left: ${JSON.stringify(body)}`)
  return room
}

/** Events in few words: texts, or types with state keys. */
export const brief = (events: readonly ClientEvent[] | undefined): string[] => (events ?? []).map(word)

function word({ type, state_key: key, content }: ClientEvent): string {
  if (type === 'm.room.message') return String(content['body'])
  if (type === 'm.room.member') return `${(key ?? '').slice(1).replace(':test', '')} ${String(content['membership'])}`
  if (type === 'm.room.name') return `name ${JSON.stringify(content['name'])}`
  return key === undefined ? type : `${type}${key && `/${key}`}`
}

export const timeline = (room: SyncRoom): string[] => brief(room.timeline.events)
export const state = (room: SyncRoom): string[] => brief(room.state?.events).toSorted()
export const stateAfter = (room: SyncRoom & { state_after?: { events: ClientEvent[] } }): string[] =>
  brief(room.state_after?.events).toSorted()

/** Everything of a room before a place, newest first, page by page. */
export async function pastOf(client: Client, roomId: string, from: string, limit = 3): Promise<ClientEvent[]> {
  const events: ClientEvent[] = []
  for (let next: string | undefined = from; next !== undefined;) {
    const page: { chunk: ClientEvent[]; end?: string } = await client.req(
      'GET',
      `/rooms/${encodeURIComponent(roomId)}/messages?dir=b&limit=${limit}&from=${next}`,
    )
    events.push(...page.chunk)
    next = page.end
  }
  return events
}

export const ids = (events: readonly ClientEvent[] | undefined): string[] =>
  (events ?? []).map((event) => event.event_id)
export const at = (client: Client, rest: string): string => `/user/${encodeURIComponent(client.userId)}${rest}`
export const inRoom = (roomId: string, rest: string): string => `/rooms/${encodeURIComponent(roomId)}${rest}`

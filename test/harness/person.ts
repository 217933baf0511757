// Somebody at an unmodified client library, signed in by JWT.
import { AssertionError } from 'node:assert/strict'
import { createRequire } from 'node:module'
import {
  ClientEvent,
  createClient,
  type ICreateClientOpts,
  type MatrixClient,
  type MatrixEvent,
  type Room,
  SyncState,
} from 'matrix-js-sdk'
import type { Logger } from 'matrix-js-sdk/lib/logger.js'
import { signJwt } from './jwt.ts'
import { assertSpec } from './spec.ts'

/** A running client. `faults` collects what the specification had against the answers it got. */
export interface Person {
  client: MatrixClient
  userId: string
  faults: string[]
  /** The room as this client knows it; throws while it does not. */
  room: (roomId: string) => Room
  stop: () => void
}

const quiet: Logger = {
  trace: () => {},
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  getChild: () => quiet,
}
// Many parts of the library have loggers of their own, which they do not let one replace.
interface Loud {
  methodFactory: () => () => void
  rebuild: () => void
}
const loglevel = createRequire(import.meta.resolve('matrix-js-sdk'))('loglevel') as {
  getLoggers: () => Record<string, Loud>
}
for (const logger of Object.values(loglevel.getLoggers())) {
  logger.methodFactory = () => () => {}
  logger.rebuild()
}
console.debug = () => {}

/** The library swallows what its `fetch` throws and tries again, so faults are kept for the end. */
function checkedFetch(faults: string[], refusals: string[]): typeof fetch {
  return async (input, init) => {
    const response = await fetch(input, init)
    const url = new URL(input instanceof Request ? input.url : input)
    if (!response.ok) refusals.push(`${init?.method ?? 'GET'} ${url.pathname} -> ${response.status}`)
    const contentType = response.headers.get('content-type') ?? ''
    if (contentType.includes('json')) {
      const reply: unknown = await response.clone().json()
      try {
        assertSpec({
          method: init?.method ?? 'GET',
          path: url.pathname + url.search,
          status: response.status,
          reply,
          contentType,
        })
      } catch (error) {
        faults.push(error instanceof Error ? error.message : String(error))
      }
    }
    return response
  }
}

/** Waits until `found` gives something, for ten seconds unless more are given; `what` is told when it does not. */
export async function until<T>(
  what: string,
  found: () => T | undefined | null | false | Promise<T | undefined | null | false>,
  seconds = 10,
): Promise<T> {
  const end = Date.now() + seconds * 1000
  for (;;) {
    const result = await found()
    if (result !== undefined && result !== null && result !== false) return result
    if (Date.now() > end) throw new AssertionError({ message: `${seconds} seconds have not brought: ${what}` })
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** What a client is to be besides a plain one. */
export interface Setup {
  options?: Partial<ICreateClientOpts>
  /** Runs before the first sync. */
  prepare?: (client: MatrixClient) => Promise<void>
}

/** Signs in and starts syncing; resolves after the first sync. `secret` signs the JWT. */
export async function enter(
  url: string,
  name: string,
  secret?: string,
  { options, prepare }: Setup = {},
): Promise<Person> {
  const [faults, refusals]: [string[], string[]] = [[], []]
  const fetchFn = checkedFetch(faults, refusals)
  const session = await createClient({ baseUrl: url, fetchFn, logger: quiet }).loginRequest({
    type: 'org.matrix.login.jwt',
    token: signJwt({ sub: name }, secret),
  })
  const client = createClient({
    baseUrl: url,
    fetchFn,
    logger: quiet,
    timelineSupport: true,
    userId: session.user_id,
    accessToken: session.access_token,
    deviceId: session.device_id,
    ...options,
  })
  await prepare?.(client)
  const state = { synced: false }
  client.on(ClientEvent.Sync, (now) => {
    state.synced ||= now === SyncState.Prepared || now === SyncState.Syncing
  })
  await client.startClient({ initialSyncLimit: 20, threadSupport: true })
  try {
    await until(`${name}'s first sync`, () => state.synced)
  } catch (error) {
    client.stopClient()
    throw new AssertionError({
      message: `${name} cannot sync; refused were: ${[...new Set(refusals)].join(', ')}; faults: ${faults.join('\n')} (${String(error)})`,
    })
  }
  return {
    client,
    userId: session.user_id,
    faults,
    room: (roomId) => {
      const room = client.getRoom(roomId)
      if (!room) throw new AssertionError({ message: `${name}'s client does not know ${roomId}` })
      return room
    },
    stop: () => client.stopClient(),
  }
}

/** Everything of a room from its creation on, oldest first, fetched page by page. */
export async function wholeTimeline({ client, room }: Person, roomId: string): Promise<MatrixEvent[]> {
  for (let pages = 0; room(roomId).oldState.paginationToken !== null; pages++) {
    if (pages > 200) throw new AssertionError({ message: 'paging back does not come to an end' })
    await client.scrollback(room(roomId), 30)
  }
  return room(roomId).getLiveTimeline().getEvents()
}

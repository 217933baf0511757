// What those who watch over the server ask: whether it works, and whether it should be sent people.
import { Type } from 'typebox'
import { Reply, route, type Route } from '../http/index.ts'
import type { Database } from '../storage/index.ts'
import type { Log } from '../streams/index.ts'

/** What is expected of a database, even a busy one. */
const patienceMs = 5000
/** Who asks more often than this gets the answer before, so that asking costs nothing. */
const freshMs = 1000

export interface HealthDeps {
  readonly database: Database
  readonly log: Log
  /** Whether the server is on its way out. */
  readonly isStopping: () => boolean
  readonly onError: (error: unknown) => void
}

interface State {
  readonly database: 'ok' | 'failing'
  readonly writes: 'ok' | 'failing'
}

/** True when the work is done within the time that is expected of it. */
async function succeeds(work: Promise<unknown>, onError: (error: unknown) => void): Promise<boolean> {
  const late = Promise.withResolvers<false>()
  const timer = setTimeout(() => late.resolve(false), patienceMs)
  const done = work.then(
    () => true,
    (error: unknown) => {
      onError(error)
      return false
    },
  )
  return Promise.race([done, late.promise]).finally(() => clearTimeout(timer))
}

/** Reads a row, and passes once through the queue of writes: the log moves. */
async function look({ database, onError }: HealthDeps): Promise<State> {
  const [reads, writes] = await Promise.all([
    succeeds(database.read.selectFrom('meta').select('key').limit(1).execute(), onError),
    succeeds(
      database.write(async () => {}),
      onError,
    ),
  ])
  return { database: reads ? 'ok' : 'failing', writes: writes ? 'ok' : 'failing' }
}

/** For load balancers, orchestrators and people with a pager. Nobody has to say who they are, and nothing is said but how it goes. */
export function healthRoutes(deps: HealthDeps): Route[] {
  let asked: Promise<State> | undefined
  const state = (): Promise<State> => {
    if (asked) return asked
    asked = look(deps)
    void asked.finally(() => setTimeout(() => (asked = undefined), freshMs).unref())
    return asked
  }
  const answer = async (isUp: boolean): Promise<Reply> => {
    const found = await state()
    const isWell = isUp && found.database === 'ok' && found.writes === 'ok'
    return new Reply({
      status: isWell ? 200 : 503,
      headers: {
        'content-type': 'application/json',
        'cache-control': 'no-store',
        ...(!isWell && { 'retry-after': '5' }),
      },
      body: JSON.stringify({ status: isWell ? 'ok' : isUp ? 'failing' : 'stopping', ...found, position: deps.log.now }),
    })
  }
  const ask = { method: 'GET', auth: 'none', limit: 'own', reply: Type.Object({}) } as const
  return [
    /** Whether the process does what it is for: it answers, reads, and writes. To be restarted where not for long. */
    route({ ...ask, id: 'health', path: '/health', handle: () => answer(true) }),
    /** Whether people should be sent here. */
    route({ ...ask, id: 'ready', path: '/ready', handle: () => answer(!deps.isStopping()) }),
  ]
}

// What the tests of this folder share: a server with three callers, whose log is kept.
import { MatrixError } from '../matrix/errors.ts'
import { createHttp, type HttpOptions, type HttpServer, type Route, type Session } from './index.ts'

export const alice: Session = {
  user: 1,
  userId: '@alice:localhost',
  device: 1,
  deviceId: 'A',
  tokenId: 1,
  admin: false,
  guest: false,
  locked: false,
  suspended: false,
}

const sessions: Record<string, Session> = {
  alice,
  guest: { ...alice, guest: true, user: 2 },
  locked: { ...alice, locked: true, user: 3 },
}

export interface TestServer extends AsyncDisposable {
  readonly http: HttpServer
  readonly logged: { level: string; details: Record<string, unknown>; message: string }[]
}

/** A server without rate limits, where `Bearer alice` is Alice. */
export function serve(routes: Route[], options: Partial<HttpOptions> = {}): TestServer {
  const logged: TestServer['logged'] = []
  const http = createHttp({
    routes,
    authenticate: (token) => {
      const session = sessions[token]
      if (!session) throw new MatrixError('M_UNKNOWN_TOKEN', 'No such token')
      return session
    },
    log: {
      error: (details, message) => {
        logged.push({ level: 'error', details: { ...details }, message })
      },
      info: (details, message) => {
        logged.push({ level: 'info', details: { ...details }, message })
      },
      debug: (details, message) => {
        logged.push({ level: 'debug', details: { ...details }, message })
      },
      isLevelEnabled: () => true,
    },
    now: () => Date.now(),
    randomId: () => 'abcdefghijklmnopqrstuvwxyz',
    rateLimits: 'off',
    ...options,
  })
  return { http, logged, [Symbol.asyncDispose]: http.close }
}

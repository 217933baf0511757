// Routes of a feature behind the real HTTP layer, without a socket: whoever is named by the token is signed in.
import { createHttp, type Route, type Session } from '../../src/http/index.ts'
import { MatrixError } from '../../src/matrix/errors.ts'
import { assertSpec } from './spec.ts'

/** What came back, refusals included. */
export interface RouteAnswer {
  status: number
  body: Record<string, unknown>
}

export interface Mounted extends AsyncDisposable {
  /** One request as the user with that token (undefined: nobody); every answer is held against the specification. */
  ask: (
    token: string | undefined,
    method: 'GET' | 'PUT' | 'POST' | 'DELETE',
    path: string,
    body?: unknown,
  ) => Promise<RouteAnswer>
  /** `'403 M_FORBIDDEN'`, or `'200'`, fit for `assert.equal`. */
  outcome: (
    token: string | undefined,
    method: 'GET' | 'PUT' | 'POST' | 'DELETE',
    path: string,
    body?: unknown,
  ) => Promise<string>
  /** What was logged as an unexpected error. */
  errors: unknown[]
}

/** Mounts routes. A path without `/_` in front is one of the client API, `v3`. */
export function mount(routes: readonly Route[], sessions: Readonly<Record<string, Session>>): Mounted {
  const errors: unknown[] = []
  const http = createHttp({
    routes,
    rateLimits: 'off',
    now: () => Date.now(),
    randomId: () => 'abcdefghijklmnopqrstuvwxyz',
    authenticate: (token) => {
      const session = sessions[token]
      if (!session) throw new MatrixError('M_UNKNOWN_TOKEN', 'No such token')
      return session
    },
    log: {
      error: (details) => {
        errors.push(details)
      },
      info: () => {},
      debug: () => {},
      isLevelEnabled: () => false,
    },
  })
  const ask: Mounted['ask'] = async (token, method, path, body) => {
    const url = path.startsWith('/_') ? path : `/_matrix/client/v3${path}`
    const answer = await http.inject({
      method,
      url,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const reply = answer.json<Record<string, unknown>>()
    assertSpec({
      method,
      path: url,
      request: body,
      status: answer.statusCode,
      reply,
      contentType: answer.headers['content-type'] ?? '',
    })
    return { status: answer.statusCode, body: reply }
  }
  return {
    ask,
    errors,
    outcome: async (...request) => {
      const { status, body } = await ask(...request)
      return status < 300 ? String(status) : `${status} ${String(body['errcode'])}`
    },
    [Symbol.asyncDispose]: () => http.close(),
  }
}

/** A session as sessions/ would make it. */
export const sessionOf = (user: number, userId: string, more: Partial<Session> = {}): Session => ({
  user,
  userId,
  device: null,
  deviceId: null,
  tokenId: user,
  admin: false,
  guest: false,
  locked: false,
  suspended: false,
  ...more,
})

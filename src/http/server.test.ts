import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Type } from 'typebox'
import { MatrixError } from '../matrix/errors.ts'
import { createHttp, route, type HttpOptions, type Route, type Session } from './index.ts'

const alice: Session = {
  user: 1, userId: '@alice:localhost', device: 1, deviceId: 'A', tokenId: 1, admin: false, guest: false, locked: false, suspended: false,
}
const sessions: Record<string, Session> = {
  alice, guest: { ...alice, guest: true, user: 2 }, locked: { ...alice, locked: true, user: 3 },
}

const server = (routes: Route[], options: Partial<HttpOptions> = {}) => {
  const logged: { level: string; details: object }[] = []
  const http = createHttp({
    routes,
    authenticate: (token) => {
      const session = sessions[token]
      if (!session) throw new MatrixError('M_UNKNOWN_TOKEN', 'No such token')
      return session
    },
    log: {
      error: (details) => { logged.push({ level: 'error', details }) },
      debug: (details) => { logged.push({ level: 'debug', details }) },
      isLevelEnabled: () => true,
    },
    now: () => Date.now(),
    randomId: () => 'abcdefghijklmnopqrstuvwxyz',
    ...options,
  })
  return { http, logged, [Symbol.asyncDispose]: http.close }
}

const base = { id: 'x', method: 'GET', path: '/_matrix/client/v3/x', auth: 'none', reply: Type.Object({}) } as const

test('a route answers with JSON, on v3 and r0', async () => {
  await using s = server([route({ ...base, reply: Type.Object({ a: Type.Integer() }), handle: () => ({ a: 1 }) })])
  for (const url of ['/_matrix/client/v3/x', '/_matrix/client/r0/x']) {
    const answer = await s.http.inject(url)
    assert.equal(answer.statusCode, 200)
    assert.deepEqual(answer.json(), { a: 1 })
    assert.equal(answer.headers['content-type'], 'application/json')
    assert.equal(answer.headers['access-control-allow-origin'], '*')
  }
})

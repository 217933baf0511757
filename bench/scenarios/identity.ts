import type { Account } from '../accounts.ts'
import { algorithms, type BenchAlgorithm } from '../issuer.ts'
import { closedLoop, each, type Row, row } from '../measure.ts'
import type { Scenario } from '../scenario.ts'
import type { Target } from '../target.ts'
import { buildRequest } from '../wire.ts'

const users = 500
/** Tokens that are used once each: more than are verified in one step. */
const fresh = 40_000

type Issuer = NonNullable<Target['options']['issuer']>

const loop = async (
  target: Target,
  list: readonly Buffer[],
  seconds: number,
  cold = false,
): ReturnType<typeof closedLoop> => {
  let turn = 0
  return closedLoop(target, {
    connections: target.connect(10),
    seconds,
    cold,
    next: () => list[turn++ % list.length] ?? Buffer.alloc(0),
  })
}

const claims = (algorithm: BenchAlgorithm, index: number): Record<string, unknown> => ({
  sub: `${algorithm}-${index}`,
  name: `${algorithm.toLowerCase()}-${index}`,
})

const signIns = async (target: Target, issuer: Issuer): Promise<Row[]> => {
  const rows: Row[] = []
  for (const algorithm of algorithms) {
    const requests = Array.from({ length: users }, (_, index) => {
      const body = JSON.stringify({
        type: 'org.matrix.login.jwt',
        token: issuer.token(algorithm, claims(algorithm, index)),
      })
      return buildRequest(target.origin, 'POST', '/_matrix/client/v3/login', { body })
    })
    await each(requests, 8, async (request) => {
      const [connection] = target.connect(1)
      await connection?.exchange(request)
      connection?.close()
    })
    const keys = algorithm === 'HS256' ? 'a secret' : 'a published key set'
    rows.push(
      row('identity', `sign-in by ${algorithm}, ${keys}`, await loop(target, requests, target.options.duration), {
        rate: true,
      }),
    )
  }
  return rows
}

const whoami = (target: Target, token: string): Buffer =>
  buildRequest(target.origin, 'GET', '/_matrix/client/v3/account/whoami', { token })

const requestsBy = async (target: Target, issuer: Issuer, opaque: readonly Account[]): Promise<Row[]> => {
  const { duration } = target.options
  const bearer = (index: number, sid: string, more: object = {}): Buffer =>
    whoami(target, issuer.token('ES256', { ...claims('ES256', index % users), sid, ...more }))
  const seen = Array.from({ length: users }, (_, index) => bearer(index, `s${index}`))
  const first = await loop(
    target,
    opaque.map(({ token }) => whoami(target, token)),
    duration,
  )
  const second = await loop(target, seen, duration)
  // The sessions are known, the tokens are not: each is verified once.
  const unseen = Array.from({ length: fresh }, (_, index) => bearer(index, `s${index % users}`, { jti: `j${index}` }))
  const third = await loop(target, unseen, Math.min(duration, 5), true)
  return [
    row('identity', 'whoami, opaque access token', first, { rate: true }),
    row('identity', 'whoami, direct bearer (ES256)', second, { rate: true }),
    row('identity', 'whoami, direct bearer, each token for the first time', third, { rate: true }),
  ]
}

export const identity: Scenario = {
  name: 'identity',
  about: 'sign-ins and requests by tokens of identity providers',
  run: async (target) => {
    const { issuer } = target.options
    return issuer
      ? [...(await signIns(target, issuer)), ...(await requestsBy(target, issuer, await target.users(users)))]
      : []
  },
}

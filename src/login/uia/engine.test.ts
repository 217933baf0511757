import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import type { Session } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/json.ts'
import { createInteractiveAuth, type InteractiveAuth, type Stage, type ToConfirm } from './engine.ts'

const session = (user: number): Session => ({
  user,
  userId: `@${user}:test`,
  device: 1,
  deviceId: 'D',
  tokenId: 1,
  admin: false,
  guest: false,
  locked: false,
  suspended: false,
})
const secretStage = (type: string, secret = 'right'): Stage => ({
  type,
  params: { hint: type },
  verify: (auth) => {
    if (auth['proof'] !== secret) throw new MatrixError('M_FORBIDDEN', 'Wrong proof')
  },
})
const [one, two, three] = [secretStage('one'), secretStage('two'), secretStage('three')]

const engine = (): { auth: InteractiveAuth; clock: { now: number } } => {
  const clock = { now: 0 }
  return {
    auth: createInteractiveAuth({ now: () => clock.now, randomId: () => randomBytes(32).toString('base64url') }),
    clock,
  }
}
const ask = (more: Partial<ToConfirm> = {}): ToConfirm => ({
  operation: 'DELETE device A',
  body: {},
  flows: [[one]],
  session: session(1),
  ip: '::1',
  ...more,
})
/** The answer: `ok`, or the body of the refusal. */
const answer = async (auth: InteractiveAuth, request: ToConfirm): Promise<Record<string, unknown>> => {
  try {
    await auth.confirm(request)
    return { ok: true }
  } catch (error) {
    assert.ok(error instanceof MatrixError, String(error))
    return { status: error.status, ...error.body() }
  }
}
const begin = async (auth: InteractiveAuth, request: ToConfirm): Promise<string> =>
  String((await answer(auth, request))['session'])
const proof = (id: string | undefined, type = 'one', value = 'right', body: JsonObject = {}): JsonObject => ({
  ...body,
  auth: { type, proof: value, ...(id === undefined ? {} : { session: id }) },
})

test('a request without proof is told the flows, and is no error', async () => {
  const { auth } = engine()
  const told = await answer(
    auth,
    ask({
      flows: [
        [one, two],
        [one, three],
      ],
    }),
  )
  assert.deepEqual(
    { ...told, session: 'x' },
    {
      status: 401,
      flows: [{ stages: ['one', 'two'] }, { stages: ['one', 'three'] }],
      session: 'x',
      completed: [],
      params: { one: { hint: 'one' }, two: { hint: 'two' }, three: { hint: 'three' } },
    },
  )
})

test('the right proof lets the request through once and never again', async () => {
  const { auth } = engine()
  const id = await begin(auth, ask())
  assert.deepEqual(await answer(auth, ask({ body: proof(id) })), { ok: true })
  const again = await answer(auth, ask({ body: proof(id) }))
  assert.equal(again['status'], 401)
  assert.notEqual(again['session'], id, 'it has to be begun anew')
  const only = await answer(auth, ask({ body: { auth: { session: id } } }))
  assert.equal(only['status'], 401)
})

test('a client that brings its proof at once, without a session, is let through', async () => {
  assert.deepEqual(await answer(engine().auth, ask({ body: proof(undefined) })), { ok: true })
})

test('a wrong proof is told with a reason, and another try may follow', async () => {
  const { auth } = engine()
  const id = await begin(auth, ask())
  const told = await answer(auth, ask({ body: proof(id, 'one', 'wrong') }))
  assert.deepEqual(
    [told['status'], told['errcode'], told['error'], told['session']],
    [401, 'M_FORBIDDEN', 'Wrong proof', id],
  )
  assert.deepEqual(await answer(auth, ask({ body: proof(id) })), { ok: true })
})

test('stages are passed in order, each is remembered, and no flow is mixed with another', async () => {
  const { auth } = engine()
  const flows = [
    [one, two],
    [three, two],
  ]
  const id = await begin(auth, ask({ flows }))
  assert.equal((await answer(auth, ask({ flows, body: proof(id, 'two') })))['status'], 401)
  const after = await answer(auth, ask({ flows, body: proof(id, 'one') }))
  assert.deepEqual([after['completed'], 'errcode' in after], [['one'], false])
  assert.deepEqual((await answer(auth, ask({ flows, body: proof(id, 'three') })))['completed'], ['one'])
  assert.deepEqual(
    (await answer(auth, ask({ flows, body: proof(id, 'one', 'wrong') })))['completed'],
    ['one'],
    'not tried again',
  )
  assert.deepEqual((await answer(auth, ask({ flows, body: { auth: { session: id } } })))['completed'], ['one'])
  assert.deepEqual(await answer(auth, ask({ flows, body: proof(id, 'two') })), { ok: true })
})

test('a stage that no flow has, or that is a name of the prototype, proves nothing', async () => {
  const { auth } = engine()
  for (const type of ['nine', 'constructor', '__proto__', ''])
    assert.equal((await answer(auth, ask({ body: proof(await begin(auth, ask()), type) })))['status'], 401)
})

test('a confirmation is good for one user, one operation and one body', async () => {
  const { auth } = engine()
  const flows = [[one, two]]
  const id = await begin(auth, ask({ flows, body: { name: 'a' } }))
  await answer(auth, ask({ flows, body: proof(id, 'one', 'right', { name: 'a' }) }))
  for (const other of [
    ask({ flows, body: proof(id, 'two', 'right', { name: 'b' }) }),
    ask({ flows, body: proof(id, 'two', 'right', { name: 'a' }), operation: 'DELETE device B' }),
    ask({ flows, body: proof(id, 'two', 'right', { name: 'a' }), session: session(2) }),
    ask({ flows, body: proof(id, 'two', 'right', { name: 'a' }), session: undefined }),
  ])
    assert.notDeepEqual(await answer(auth, other), { ok: true })
  assert.deepEqual(await answer(auth, ask({ flows, body: proof(id, 'two', 'right', { name: 'a' }) })), { ok: true })
})

test('a client may look up the flows first and say later what it wants', async () => {
  const { auth } = engine()
  const id = await begin(auth, ask({ body: {} }))
  assert.deepEqual(await answer(auth, ask({ body: proof(id, 'one', 'right', { name: 'a' }) })), { ok: true })
})

test('a confirmation that took too long, or that nobody began, has to be begun anew', async () => {
  const { auth, clock } = engine()
  const id = await begin(auth, ask())
  clock.now += 15 * 60_000
  for (const name of [id, 'nobody', '']) {
    const told = await answer(auth, ask({ body: proof(name) }))
    assert.deepEqual([told['status'], told['errcode']], [401, 'M_FORBIDDEN'])
    assert.deepEqual(await answer(auth, ask({ body: proof(String(told['session'])) })), { ok: true })
  }
})

test('where there is no way to confirm, there is a sentence and never an empty list', async () => {
  const told = await answer(engine().auth, ask({ flows: [] }))
  assert.deepEqual([told['status'], told['errcode'], 'flows' in told], [403, 'M_FORBIDDEN', false])
})

test('auth of a wrong shape is a refusal', async () => {
  for (const auth of ['x', 7, [], true, { session: 7 }, { type: 7 }, { type: ['one'], proof: 'right' }]) {
    assert.equal((await answer(engine().auth, ask({ body: { auth } })))['status'], 400, JSON.stringify(auth))
  }
})

test('of two requests that bring the proof at the same time one is let through', async () => {
  const { auth } = engine()
  const slow: Stage = { type: 'one', verify: () => new Promise((resolve) => setTimeout(resolve, 5)) }
  const id = await begin(auth, ask({ flows: [[slow]] }))
  const request = ask({ flows: [[slow]], body: proof(id) })
  const results = await Promise.all([answer(auth, request), answer(auth, request)])
  assert.equal(results.filter((result) => result['ok']).length, 1)
})

test('waiting is not a wrong proof: a 429 comes through as it is', async () => {
  const busy: Stage = {
    type: 'one',
    verify: () => {
      throw new MatrixError('M_LIMIT_EXCEEDED', 'Wait', { retryAfterMs: 100 })
    },
  }
  assert.equal((await answer(engine().auth, ask({ flows: [[busy]], body: proof(undefined) })))['status'], 429)
})

test('people who are not signed in cannot push out the confirmations of those who are', async () => {
  const { auth } = engine()
  const id = await begin(auth, ask())
  for (let i = 0; i < 6000; i++) await answer(auth, ask({ session: undefined }))
  assert.deepEqual(await answer(auth, ask({ body: proof(id) })), { ok: true })
})

// The drill of changing keys, as clients see it: an issuer changes its keys, is away, and is attacked, while people sign in.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refusal, withWorld } from '../../../test/harness/login-world.ts'
import { openIssuer } from '../../../test/harness/issuer.ts'

const minute = 60_000
const type = 'org.matrix.login.jwt'

test('keys change, their host is away, ten thousand unknown keys are named: a good token signs in all the while, and no other', async () => {
  let clock = { now: Date.UTC(2030, 0, 1) }
  await using issuer = await openIssuer(() => clock.now)
  const provider = { id: 'corp', type: 'jwt' as const, jwks_uri: issuer.uri, issuer: issuer.url, audiences: ['chat'] }
  await withWorld(
    'sqlite::memory:',
    { jwt_config: { enabled: false }, identity_providers: [provider], allow: ['127.0.0.1'] },
    async (world) => {
      clock = world.clock
      const login = async (token: string): Promise<string> => {
        const answer = await world.ask('POST', '/login', { type, token })
        return answer.status === 200
          ? String(answer.body['user_id'])
          : refusal(answer).replace(/:.*/, ` ${String(answer.body['code'])}`)
      }
      const refused = '403 M_FORBIDDEN JWT validation failed kid_unknown'
      const [first] = issuer.keys
      const session = await world.post('/login', { type, token: await issuer.sign({ sub: 'ann' }) })

      // A new key beside the old one, then without it.
      issuer.rotate()
      assert.equal(await login(await issuer.sign({ sub: 'ann' })), '@ann:one.test')
      assert.equal(await login(await issuer.sign({ sub: 'ann' }, { key: first! })), '@ann:one.test')
      clock.now += minute
      issuer.rotate({ drop: true })
      assert.equal(await login(await issuer.sign({ sub: 'ann' })), '@ann:one.test')
      assert.equal(await login(await issuer.sign({ sub: 'ann' }, { key: first! })), refused)

      await issuer.down()
      for (let seconds = 0; seconds <= 60; seconds += 10) {
        assert.equal(await login(await issuer.sign({ sub: `p${seconds}` })), `@p${seconds}:one.test`)
        // It might be a new one, and nobody can say: it does not sign in.
        assert.match(
          await login(await issuer.sign({ sub: 'ann' }, { key: first! })),
          /^403 M_FORBIDDEN JWT validation failed (kid_unknown|keys_unavailable)$/,
        )
        clock.now += 10_000
      }
      await issuer.up()
      clock.now += minute

      const before = issuer.asked.keys
      const [key] = issuer.keys
      const [, payload, signature] = (await issuer.sign({ sub: 'mallory' })).split('.')
      for (let round = 0; round < 100; round++) {
        const answers = await Promise.all(
          Array.from({ length: 100 }, (_, index) => {
            const header = Buffer.from(JSON.stringify({ alg: key!.alg, kid: `x${round}-${index}` })).toString(
              'base64url',
            )
            return login(`${header}.${payload}.${signature}`)
          }),
        )
        assert.deepEqual([...new Set(answers)], [refused])
      }
      assert.ok(issuer.asked.keys - before <= 5, `${issuer.asked.keys - before} fetches`)
      assert.equal(await login(await issuer.sign({ sub: 'zoe' })), '@zoe:one.test')
      assert.equal(
        (await world.ask('GET', '/account/whoami', undefined, String(session['access_token']))).status,
        200,
        'who was in stays in',
      )
    },
  )
})

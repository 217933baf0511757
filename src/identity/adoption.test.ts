// Accounts that were there before: whom `jwt_config` lets in by having the name, and whom not.
import assert from 'node:assert/strict'
import { type Answer, inEveryWorld, sign, type World } from '../../test/harness/login-world.ts'

const secret = 'b'.repeat(32)
const issuer = 'https://b.example'
const settings = {
  identity_providers: [{ id: 'b', type: 'jwt', secret: [secret], issuer, audiences: ['chat'] }],
} as const
const now = Date.UTC(2030, 0, 1) / 1000
const type = 'org.matrix.login.jwt'
const login = (world: World, token: string): Promise<Answer> => world.ask('POST', '/login', { type, token })
const ofB = (sub: string): string =>
  sign({ sub, iss: issuer, aud: 'chat', iat: now, exp: now + 300 }, undefined, secret)

inEveryWorld('an account that another provider vouches for is not taken over by its name', settings, async (world) => {
  assert.equal((await login(world, ofB('carol'))).status, 200)
  const { nid } = (await world.users.findByLocalpart('carol'))!
  await world.users.setAdmin(nid, true)
  const refused = await login(world, sign({ sub: 'carol' }))
  assert.deepEqual([refused.status, refused.body['errcode'], refused.body['code']], [403, 'M_FORBIDDEN', 'name_taken'])
  assert.equal((await login(world, ofB('carol'))).body['user_id'], '@carol:one.test')

  await world.log.write(({ sql }) => world.users.create(sql, { localpart: 'dave', createdBy: 'test' }))
  const adopted = await login(world, sign({ sub: 'dave' }))
  assert.equal(adopted.body['user_id'], '@dave:one.test', 'nobody vouches for this one')
})

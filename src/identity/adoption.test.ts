// Accounts that were there before: whom `jwt_config` lets in by having the name, and whom not.
import assert from 'node:assert/strict'
import { type Answer, block, inEveryWorld, sign, type World } from '../../test/harness/login-world.ts'

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

const trying = { ...settings, jwt_config: { ...block, try_out: true } } as const

inEveryWorld('what a try-out has made is handed over to whom a provider vouches for', trying, async (world) => {
  const trial = await world.jwt('alice')
  const taken = await login(world, ofB('alice'))
  assert.deepEqual([taken.status, taken.body['user_id']], [200, '@alice:one.test'])
  const whoami = (token: unknown): Promise<Answer> =>
    world.ask('GET', '/account/whoami', undefined, typeof token === 'string' ? token : '')
  assert.equal((await whoami(trial['access_token'])).status, 401, 'who tried it out is out')
  assert.equal((await whoami(taken.body['access_token'])).status, 200)
  const { nid } = (await world.users.findByLocalpart('alice'))!
  assert.deepEqual(
    (await world.identities.links.of(nid)).map(({ provider, subject }) => `${provider} ${subject}`),
    ['b alice'],
  )
  const again = await login(world, sign({ sub: 'alice' }))
  assert.deepEqual([again.status, again.body['code']], [403, 'name_taken'], 'and does not come in again')
  assert.match(String(again.body['hint']), /--data-dir/)
  assert.equal(typeof again.body['trace'], 'string')
})

inEveryWorld('an account of a try-out that is more than that is handed over to nobody', trying, async (world) => {
  const nidOf = async (name: string): Promise<number> => {
    await world.jwt(name)
    return (await world.users.findByLocalpart(name))!.nid
  }
  await world.users.setAdmin(await nidOf('root'), true)
  await world.login.setPassword(await nidOf('pam'), 'correct horse battery staple')
  await world.identities.links.add(await nidOf('lin'), { provider: 'b', subject: 'other' }, 'operator')
  for (const name of ['root', 'pam', 'lin']) {
    const { status, body } = await login(world, ofB(name))
    assert.deepEqual([name, status, body['code'], typeof body['trace']], [name, 403, 'name_taken', 'string'])
    assert.match(String(body['hint']), new RegExp(`latchkey user link ${name} --provider b --subject '${name}'`))
  }
})

const closed = { ...trying, identity_providers: [{ ...settings.identity_providers[0], registration: false }] } as const

inEveryWorld('a provider that makes no accounts is handed none', closed, async (world) => {
  await world.jwt('alice')
  assert.equal((await login(world, ofB('alice'))).body['code'], 'name_taken')
})

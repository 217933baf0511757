// Rights that a token gives and takes.
import assert from 'node:assert/strict'
import { type Answer, type Body, inEveryWorld, sign, type World } from '../../test/harness/login-world.ts'

const now = Date.UTC(2030, 0, 1) / 1000
const secret = 'a'.repeat(40)
const provider = {
  id: 'a',
  type: 'jwt',
  secret: [secret],
  issuer: 'https://a.example',
  audiences: ['chat'],
  admin: 'roles contains boss',
  bearer: true,
} as const
const token = (claims: Body): string =>
  sign({ iss: 'https://a.example', aud: 'chat', iat: now, exp: now + 300, ...claims }, undefined, secret)
const session = async (world: World, claims: Body): Promise<Answer> => {
  const answer = await world.ask('POST', '/login', { type: 'org.matrix.login.jwt', token: token(claims) })
  assert.equal(answer.status, 200)
  return answer
}

inEveryWorld(
  'a token from before gives no rights back that a newer one took',
  { jwt_config: { enabled: false }, identity_providers: [provider] },
  async (world) => {
    const isAdmin = async (): Promise<boolean> => (await world.users.findByLocalpart('sam'))!.admin
    const old = { sub: 'sam', roles: ['boss'], iat: now - 60 }
    await session(world, old)
    assert.equal(await isAdmin(), true)
    await session(world, { sub: 'sam', roles: [], iat: now - 30 })
    assert.equal(await isAdmin(), false)
    await session(world, old)
    assert.equal(await isAdmin(), false, 'by a sign-in')
    const bearer = await world.ask('GET', '/account/whoami', undefined, token({ ...old, jti: 'x' }))
    assert.deepEqual([bearer.status, await isAdmin()], [200, false], 'as an access token')
    await session(world, { sub: 'sam', roles: ['boss'], iat: undefined })
    assert.equal(await isAdmin(), false, 'nor one that does not say when it was made')
    await session(world, { sub: 'sam', roles: ['boss'] })
    assert.equal(await isAdmin(), true, 'a newer one does')
  },
)

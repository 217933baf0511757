// Names follow the provider until people choose their own, and what would become of somebody is said before they come.
import assert from 'node:assert/strict'
import { block, inEveryWorld, sign, type World } from '../../test/harness/login-world.ts'

const secret = 'b'.repeat(32)
const provider = (id: string, more: object = {}) =>
  ({
    id,
    type: 'jwt',
    secret: [secret],
    issuer: `https://${id}.example`,
    audiences: ['chat'],
    mapping: { display_name: ['{name}'], email: ['{email}'], ...more },
  }) as const
const settings = {
  jwt_config: { ...block, try_out: true },
  identity_providers: [provider('b'), provider('f', { refresh: 'first' })],
} as const
const now = Date.UTC(2030, 0, 1) / 1000

const arrive = async (world: World, id: string, claims: object): Promise<string> => {
  const token = sign(
    { iss: `https://${id}.example`, aud: 'chat', iat: now, exp: now + 300, ...claims },
    undefined,
    secret,
  )
  return String((await world.post('/login', { type: 'org.matrix.login.jwt', token }))['access_token'])
}

inEveryWorld('a name follows the provider until its owner chooses another', settings, async (world) => {
  const nameOf = async (localpart: string) => (await world.users.findByLocalpart(localpart))?.displayName
  const access = await arrive(world, 'b', { sub: 'ann', name: 'Ann Maiden' })
  await arrive(world, 'b', { sub: 'ann', name: 'Ann Wife' })
  assert.equal(await nameOf('ann'), 'Ann Wife', 'a rename at the provider arrives')
  await world.ask('PUT', '/profile/@ann:one.test/displayname', { displayname: 'Annie' }, access)
  await arrive(world, 'b', { sub: 'ann', name: 'Ann Again' })
  assert.equal(await nameOf('ann'), 'Annie', 'what she chose stays')
  await arrive(world, 'f', { sub: 'fay', name: 'One' })
  await arrive(world, 'f', { sub: 'fay', name: 'Two' })
  assert.equal(await nameOf('fay'), 'One', 'with "first" nothing follows')
})

inEveryWorld('what would become of somebody is said, and nothing is changed', settings, async (world) => {
  const outlook = (id: string, subject: string) =>
    world.identities.outlook({ provider: id, subject, claims: { sub: subject, name: 'N', email: 'n@n.test' } })
  const fresh = await outlook('b', 'ann')
  assert.deepEqual(fresh, { lets: 'in', user: '@ann:one.test', how: 'made', takes: ['display_name', 'email'] })
  assert.equal(await world.users.findByLocalpart('ann'), undefined)
  const access = await arrive(world, 'b', { sub: 'ann', name: 'Ann' })
  assert.deepEqual(await outlook('b', 'ann'), { ...fresh, how: 'linked' })
  await world.ask('PUT', '/profile/@ann:one.test/displayname', { displayname: 'Annie' }, access)
  assert.deepEqual(await outlook('b', 'ann'), { ...fresh, how: 'linked', takes: ['email'] })
  const taken = await outlook('f', 'ann')
  assert.ok(taken.lets === 'out')
  assert.deepEqual([taken.code, /user link ann --provider f/.test(taken.hint ?? '')], ['name_taken', true])
  await world.jwt('tim')
  assert.deepEqual(await outlook('b', 'tim'), { ...fresh, user: '@tim:one.test', how: 'handed over' })
  const { nid } = (await world.users.findByLocalpart('ann'))!
  await world.users.setLocked(nid, true)
  assert.equal((await outlook('b', 'ann')).lets, 'out')
})

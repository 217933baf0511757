// Every credential and every token, against every state an account can be in: one gate, and nothing gets in beside it.
import assert from 'node:assert/strict'
import { createHmac, generateKeyPairSync } from 'node:crypto'
import { SignJWT } from 'jose'
import type { ConfigInput } from '../config/index.ts'
import { type Answer, block, inWorld, sign, type World } from '../../test/harness/login-world.ts'

const password = 'correct horse'
const type = 'org.matrix.login.jwt'

/** A provider with a public key, whose tokens are access tokens too; alice is linked to its subject `42`. */
const { publicKey, privateKey } = generateKeyPairSync('ed25519')
const options: ConfigInput = {
  registration_shared_secret: 'shared',
  jwt_config: block,
  identity_providers: [
    {
      id: 'native',
      type: 'jwt',
      jwks: JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k' }] }),
      algorithms: ['EdDSA'],
      issuer: 'https://n.example',
      audiences: ['chat'],
      bearer: true,
      taken: 'link',
    },
  ],
}
const native = (claims: Record<string, unknown> = {}): Promise<string> => {
  const now = Date.UTC(2030, 0, 1) / 1000
  return new SignJWT({ iss: 'https://n.example', aud: 'chat', sub: '42', iat: now, exp: now + 300, ...claims })
    .setProtectedHeader({ alg: 'EdDSA', kid: 'k' })
    .sign(privateKey)
}

/** What an account had before its state changed. */
interface Before {
  user: number
  access: string
  bearer: string
  another: string
  refresh: string
  loginToken: string
}

const credentials: Record<string, (world: World, before: Before) => Promise<Answer>> = {
  jwt: (world) => world.ask('POST', '/login', { type, token: sign({ sub: 'alice' }) }),
  password: (world) =>
    world.ask('POST', '/login', {
      type: 'm.login.password',
      identifier: { type: 'm.id.user', user: 'alice' },
      password,
    }),
  'login token': (world, { loginToken }) => world.ask('POST', '/login', { type: 'm.login.token', token: loginToken }),
  'refresh token': (world, { refresh }) => world.ask('POST', '/refresh', { refresh_token: refresh }),
  'access token': (world, { access }) => world.ask('GET', '/account/whoami', undefined, access),
  'confirmation by password': (world, { access }) =>
    world.ask(
      'POST',
      '/account/password',
      {
        new_password: 'battery staple',
        auth: { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'alice' }, password },
      },
      access,
    ),
  'confirmation by jwt': (world, { access }) =>
    world.ask(
      'POST',
      '/account/password',
      { new_password: 'battery staple', auth: { type, token: sign({ sub: 'alice' }) } },
      access,
    ),
  get_token: (world, { access }) =>
    world.ask('POST', '/_matrix/client/v1/login/get_token', { auth: { type, token: sign({ sub: 'alice' }) } }, access),
  'jwt of a native provider': async (world) => world.ask('POST', '/login', { type, token: await native() }),
  'jwt of a native provider, to be linked': async (world) =>
    world.ask('POST', '/login', {
      type,
      token: await native({ sub: 'alice' }),
      link: { type: 'm.login.password', user: 'alice', password },
    }),
  'direct bearer, new': async (world) => world.ask('GET', '/account/whoami', undefined, await native({ sid: 'new' })),
  'direct bearer, seen before': (world, { bearer }) => world.ask('GET', '/account/whoami', undefined, bearer),
  'confirmation of a direct bearer': (world, { bearer, another }) =>
    world.ask('POST', '/account/password', { new_password: 'battery staple', auth: { type, token: another } }, bearer),
  'confirmation by the jwt of a native provider': (world, { access, another }) =>
    world.ask('POST', '/account/password', { new_password: 'battery staple', auth: { type, token: another } }, access),
  'shared secret': async (world) => {
    const {
      body: { nonce },
    } = await world.ask('GET', '/_synapse/admin/v1/register')
    const mac = createHmac('sha1', 'shared')
      .update(`${String(nonce)}\0alice\0${password}\0notadmin`)
      .digest('hex')
    return world.ask('POST', '/_synapse/admin/v1/register', { nonce, username: 'alice', password, mac })
  },
}

const states: Record<
  string,
  { enter: (world: World, before: Before) => Promise<unknown>; expected: Record<string, string> }
> = {
  active: {
    enter: () => Promise.resolve(),
    expected: { 'shared secret': '400 M_USER_IN_USE' },
  },
  locked: {
    enter: (world, { user }) => world.users.setLocked(user, true),
    expected: {
      ...Object.fromEntries(Object.keys(credentials).map((name) => [name, '401 M_USER_LOCKED soft'])),
      'shared secret': '400 M_USER_IN_USE',
    },
  },
  suspended: {
    enter: (world, { user }) => world.users.setSuspended(user, true),
    expected: { 'shared secret': '400 M_USER_IN_USE' },
  },
  deactivated: {
    enter: (world, { user }) => world.identities.deactivate(user, false),
    expected: {
      jwt: '403 M_USER_DEACTIVATED',
      password: '403 M_USER_DEACTIVATED',
      'login token': '403 M_FORBIDDEN',
      'refresh token': '401 M_UNKNOWN_TOKEN',
      'access token': '401 M_UNKNOWN_TOKEN',
      'confirmation by password': '401 M_UNKNOWN_TOKEN',
      'confirmation by jwt': '401 M_UNKNOWN_TOKEN',
      'jwt of a native provider': '403 M_USER_DEACTIVATED',
      'jwt of a native provider, to be linked': '403 M_USER_DEACTIVATED',
      'direct bearer, new': '401 M_UNKNOWN_TOKEN',
      'direct bearer, seen before': '401 M_UNKNOWN_TOKEN',
      'confirmation of a direct bearer': '401 M_UNKNOWN_TOKEN',
      'confirmation by the jwt of a native provider': '401 M_UNKNOWN_TOKEN',
      get_token: '401 M_UNKNOWN_TOKEN',
      'shared secret': '400 M_USER_IN_USE',
    },
  },
  'deactivated, with its tokens left behind': {
    // As when the machine stops between the two writes: the gate alone has to hold.
    enter: (world, { user }) => world.users.deactivate(user, true),
    expected: {
      jwt: '403 M_USER_DEACTIVATED',
      password: '403 M_USER_DEACTIVATED',
      'login token': '403 M_USER_DEACTIVATED',
      'refresh token': '401 M_UNKNOWN_TOKEN',
      'access token': '401 M_UNKNOWN_TOKEN',
      'confirmation by password': '401 M_UNKNOWN_TOKEN',
      'confirmation by jwt': '401 M_UNKNOWN_TOKEN',
      'jwt of a native provider': '403 M_USER_DEACTIVATED',
      'jwt of a native provider, to be linked': '403 M_USER_DEACTIVATED',
      'direct bearer, new': '401 M_UNKNOWN_TOKEN',
      'direct bearer, seen before': '401 M_UNKNOWN_TOKEN',
      'confirmation of a direct bearer': '401 M_UNKNOWN_TOKEN',
      'confirmation by the jwt of a native provider': '401 M_UNKNOWN_TOKEN',
      get_token: '401 M_UNKNOWN_TOKEN',
      'shared secret': '400 M_USER_IN_USE',
    },
  },
}

const prepare = async (world: World): Promise<Before> => {
  const {
    body: { nonce },
  } = await world.ask('GET', '/_synapse/admin/v1/register')
  const mac = createHmac('sha1', 'shared')
    .update(`${String(nonce)}\0alice\0${password}\0notadmin`)
    .digest('hex')
  await world.ask('POST', '/_synapse/admin/v1/register', {
    nonce,
    username: 'alice',
    password,
    mac,
    inhibit_login: true,
  })
  const session = await world.jwt('alice', { refresh_token: true })
  const access = String(session['access_token'])
  const got = await world.ask(
    'POST',
    '/_matrix/client/v1/login/get_token',
    { auth: { type, token: sign({ sub: 'alice' }) } },
    access,
  )
  assert.equal(got.status, 200)
  const user = (await world.users.findByLocalpart('alice'))?.nid ?? 0
  await world.identities.links.add(user, { provider: 'native', subject: '42' }, 'operator')
  const bearer = await native({ sid: 'seen' })
  assert.equal((await world.ask('GET', '/account/whoami', undefined, bearer)).body['user_id'], '@alice:one.test')
  return {
    user,
    access,
    bearer,
    another: await native({ jti: 'another' }),
    refresh: String(session['refresh_token']),
    loginToken: String(got.body['login_token']),
  }
}

for (const [credential, attempt] of Object.entries(credentials)) {
  for (const [state, { enter, expected }] of Object.entries(states)) {
    const outcome = expected[credential] ?? '200'
    inWorld(`${credential} of an account that is ${state}: ${outcome}`, options, async (world) => {
      const before = await prepare(world)
      await enter(world, before)
      const { status, body } = await attempt(world, before)
      assert.equal(
        status === 200 ? '200' : `${status} ${String(body['errcode'])}${body['soft_logout'] === true ? ' soft' : ''}`,
        outcome,
      )
    })
  }
}

inWorld('credentials of nobody open nothing', { registration_shared_secret: 'shared' }, async (world) => {
  const nobody: Before = { user: 0, access: 'x', bearer: 'x', another: 'x', refresh: 'x', loginToken: 'x' }
  const expected: Record<string, number> = { password: 403, 'login token': 403 }
  for (const [name, attempt] of Object.entries(credentials)) {
    // These make accounts of those who have none.
    if (/^jwt|^shared secret|^direct bearer, new/.test(name)) continue
    assert.equal((await attempt(world, nobody)).status, expected[name] ?? 401, name)
  }
})

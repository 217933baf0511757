// Every grant and every token of OAuth 2.0, against every state an account can be in: the same gate as for all other ways in.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jwtConfig, signJwt } from '../../test/harness/jwt.ts'
import { openBrowser } from '../../test/harness/identity-provider.ts'
import { type Asked, newDevice, type OAuthWorld, scopeFor, withOAuth } from '../../test/harness/oauth-world.ts'
import { databases } from '../../test/harness/postgres.ts'

const own = { id: 'backend', secret: 'a secret of the backend, of more than 32 letters', introspection: true }
const basic = {
  authorization: `Basic ${Buffer.from(`${own.id}:${encodeURIComponent(own.secret)}`).toString('base64')}`,
}
const urn = 'urn:ietf:params:oauth'

/** What somebody had before the state of their account changed. */
interface Before {
  name: string
  client: string
  code: Parameters<OAuthWorld['exchange']>[1]
  device: string
  access: string
  refresh: string
}

const prepare = async (world: OAuthWorld, client: string, name: string): Promise<Before> => {
  await world.account(name)
  const first = await world.tokens(client, name)
  const begun = await world.post('device_authorization', { client_id: client, scope: scopeFor(newDevice()) })
  const browser = openBrowser()
  const landing = await world.signInOn(browser, String(begun.body['verification_uri_complete']), name)
  assert.equal((await browser.submit(landing, '/link', { answer: 'allow' })).status, 200)
  return {
    name,
    client,
    code: await world.code(client, name),
    device: String(begun.body['device_code']),
    access: String(first['access_token']),
    refresh: String(first['refresh_token']),
  }
}

const credentials: Record<string, (world: OAuthWorld, before: Before) => Promise<Asked>> = {
  'authorization code': (world, { client, code }) => world.exchange(client, code),
  'device code': (world, { client, device }) =>
    world.post('token', { grant_type: `${urn}:grant-type:device_code`, client_id: client, device_code: device }),
  'token exchange of an access token': (world, { access }) =>
    world.post('token', {
      grant_type: `${urn}:grant-type:token-exchange`,
      subject_token: access,
      subject_token_type: `${urn}:token-type:access_token`,
    }),
  'jwt-bearer': (world, { name }) =>
    world.post('token', { grant_type: `${urn}:grant-type:jwt-bearer`, assertion: signJwt({ sub: name }) }),
  'token exchange of a JWT': (world, { name }) =>
    world.post('token', {
      grant_type: `${urn}:grant-type:token-exchange`,
      subject_token: signJwt({ sub: name }),
      subject_token_type: `${urn}:token-type:jwt`,
    }),
  introspection: (world, { access }) => world.post('introspect', { token: access }, basic),
  'access token': async (world, { access }) => ({ ...(await world.whoami(access)), headers: new Headers() }),
  // Last, as it may end the session.
  'refresh token': (world, { client, refresh }) =>
    world.post('token', { grant_type: 'refresh_token', client_id: client, refresh_token: refresh }),
}

const states: Record<
  string,
  { enter: (world: OAuthWorld, user: number) => Promise<unknown>; expected: Record<string, string> }
> = {
  active: {
    enter: () => Promise.resolve(),
    expected: Object.fromEntries(Object.keys(credentials).map((name) => [name, '200'])),
  },
  suspended: {
    enter: ({ server }, user) => server.users.setSuspended(user, true),
    expected: Object.fromEntries(Object.keys(credentials).map((name) => [name, '200'])),
  },
  locked: {
    enter: ({ server }, user) => server.users.setLocked(user, true),
    expected: {
      ...Object.fromEntries(Object.keys(credentials).map((name) => [name, '401 invalid_grant M_USER_LOCKED'])),
      introspection: '200 inactive',
      'access token': '401 M_USER_LOCKED',
    },
  },
  deactivated: {
    enter: ({ server }, user) => server.identities.deactivate(user, false),
    expected: {
      ...Object.fromEntries(Object.keys(credentials).map((name) => [name, '400 invalid_grant'])),
      introspection: '200 inactive',
      'access token': '401 M_UNKNOWN_TOKEN',
    },
  },
}

/** `200`, `200 inactive`, `401 M_UNKNOWN_TOKEN`, `400 invalid_grant`, `401 invalid_grant M_USER_LOCKED` */
const outcome = ({ status, body }: Asked): string => {
  const words = [String(status)]
  if (body['active'] === false) words.push('inactive')
  if (typeof body['error_description'] === 'string') words.push(String(body['error']))
  if (typeof body['errcode'] === 'string') words.push(body['errcode'])
  return words.join(' ')
}

for (const kind of databases) {
  test(`no grant and no token gets past the gate (${kind.name})`, async (t) => {
    const { url, dispose } = await kind.open()
    try {
      await withOAuth(
        { config: { database: url, jwt_config: jwtConfig, oauth: { clients: [own], registrations_per_hour: 1000 } } },
        async (world) => {
          const client = await world.register()
          for (const [state, { enter, expected }] of Object.entries(states)) {
            await t.test(state, async () => {
              const before = await prepare(world, client, `user-${state}`)
              const user = (await world.server.users.find(`@user-${state}:one.test`)) ?? assert.fail('no user')
              await enter(world, user)
              const found: Record<string, string> = {}
              for (const [name, use] of Object.entries(credentials)) found[name] = outcome(await use(world, before))
              assert.deepEqual(found, expected)
            })
          }

          await t.test('an account that is unlocked goes on with its session', async () => {
            const before = await prepare(world, client, 'patient')
            const user = (await world.server.users.find('@patient:one.test')) ?? assert.fail('no user')
            await world.server.users.setLocked(user, true)
            assert.equal((await credentials['refresh token']?.(world, before))?.status, 401)
            await world.server.users.setLocked(user, false)
            assert.equal((await credentials['refresh token']?.(world, before))?.status, 200)
          })
        },
      )
    } finally {
      await dispose()
    }
  })
}

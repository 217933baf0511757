// Whatever is sent to the endpoints of this folder, on whichever database: an answer that is no fault of ours.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { inEveryWorld, sign } from '../../test/harness/login-world.ts'

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('', '\0', '@', '@a:one.test', 'a\0b', '__proto__', 'alice', 'x'.repeat(600)),
)
const value = fc.oneof(
  text,
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.array(text, { maxLength: 2 }),
  fc.dictionary(text, text, { maxKeys: 2 }),
)
const auth = fc.record(
  {
    type: fc.oneof(
      fc.constantFrom('m.login.password', 'm.login.dummy', 'org.matrix.login.jwt', 'm.login.registration_token'),
      value,
    ),
    session: value,
    token: value,
    password: value,
    user: value,
    identifier: fc.oneof(
      value,
      fc.record({ type: fc.oneof(fc.constant('m.id.user'), value), user: value }, { requiredKeys: [] }),
    ),
  },
  { requiredKeys: [] },
)
const fields = {
  type: fc.oneof(fc.constantFrom('m.login.password', 'm.login.token', 'org.matrix.login.jwt', 'm.login.jwt'), value),
  token: fc.oneof(
    value,
    fc.jsonValue().map((claims) => sign(claims)),
    fc.record({ sub: value, exp: value, aud: value }, { requiredKeys: [] }).map((claims) => sign(claims)),
  ),
  password: value,
  user: value,
  username: value,
  identifier: auth,
  device_id: value,
  initial_device_display_name: value,
  refresh_token: value,
  new_password: value,
  logout_devices: value,
  erase: value,
  auth: fc.oneof(auth, value),
  nonce: value,
  mac: value,
  admin: value,
  displayname: value,
  user_type: value,
  inhibit_login: value,
}
const body = fc.oneof(fc.record(fields, { requiredKeys: [] }), fc.jsonValue())
const paths = [
  '/login',
  '/register',
  '/register?kind=guest',
  '/refresh',
  '/logout',
  '/logout/all',
  '/account/password',
  '/account/deactivate',
  '/_matrix/client/v1/login/get_token',
  '/_synapse/admin/v1/register',
]
const options = { registration: 'open' as const, registration_shared_secret: 'shared', allow_guests: true }

inEveryWorld('malformed requests are refused, and none is a fault of the server', options, async (world) => {
  let token = ''
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...paths), body, fc.boolean(), async (path, payload, signedIn) => {
      if (signedIn) token = String((await world.jwt('mallory'))['access_token'])
      const { status } = await world.ask('POST', path, payload, signedIn ? token : undefined)
      assert.ok(status < 500, `${path} ${JSON.stringify(payload)}`)
    }),
    { numRuns: 400 },
  )
  for (const query of ['username=%00', 'username=', 'username=a&username=b', 'username=%F0%9F%98%80', 'username[]=a']) {
    assert.ok((await world.ask('GET', `/register/available?${query}`)).status < 500)
  }
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ConfigInput, defaultConfig } from '../../config/index.ts'
import { createOutgoing } from '../../http/index.ts'
import { policiesOf } from '../../identity/index.ts'
import { pyJwt, sign } from '../../../test/harness/login-world.ts'
import { type Explanation, explainToken, jwtProviders, openKeyring } from '../index.ts'

const now = Date.UTC(2030, 0, 1)

const explain = async (input: ConfigInput, token: string): Promise<Explanation | undefined> => {
  const config = defaultConfig({ server_name: 'example.org', ...input })
  await using outgoing = createOutgoing()
  using keyring = openKeyring(
    {
      outgoing,
      now: () => now,
      logger: { info: () => {}, warn: () => {} },
      kept: new Map(),
      keep: () => Promise.resolve(),
    },
    jwtProviders(config).providers,
  )
  return explainToken(
    {
      keyring,
      policies: policiesOf(config).policies,
      serverName: config.server_name,
      entries: config.identity_providers,
    },
    token,
  )
}
const block: ConfigInput = { jwt_config: { enabled: true, secret: 'my-secret-token', algorithm: 'HS256' } }

test('explaining a token names the key, the user, and of a refused one the problem and the way out', async () => {
  const good = await explain(block, pyJwt)
  assert.deepEqual([good?.accepted, good?.user, good?.key], [true, '@test-user:example.org', 'HMAC secret of 15 bytes'])
  const bad = await explain(block, pyJwt.replace('Ag71', 'Bg71'))
  assert.deepEqual([bad?.accepted, bad?.code, bad?.steps.at(-1)?.rule], [false, 'signature_wrong', 'signature'])
  assert.match(bad?.fix ?? '', /another key/)
  assert.deepEqual(bad?.claims, { sub: 'test-user' })
  const unfit = await explain(block, sign({ sub: '_root' }))
  assert.deepEqual([unfit?.accepted, unfit?.code, unfit?.steps.at(-1)?.rule], [false, 'name_unusable', 'name'])
  assert.equal(await explain({}, pyJwt), undefined)
})

test('what is no token of a provider is told for what it is', async () => {
  for (const [text, found] of [
    ['lka_abc', /this server has given out/],
    ['lkr_abc', /this server has given out/],
    ['ST-1-abc', /ticket of CAS/],
  ] as const) {
    for (const input of [block, {}]) {
      const explanation = await explain(input, text)
      assert.deepEqual([explanation?.accepted, explanation?.code], [false, 'token_malformed'])
      assert.match(explanation?.problem ?? '', found)
    }
  }
})

test('rules, names and what is taken over are explained too', async () => {
  const secret = 's'.repeat(32)
  const input: ConfigInput = {
    identity_providers: [
      {
        id: 'corp',
        type: 'jwt',
        secret,
        issuer: 'https://c.example',
        audiences: ['chat'],
        bearer: true,
        rules: ['realm_access.roles contains chat', 'email_verified equals true'],
        mapping: { localpart: '{email|before @}', email: '{email}', avatar: '{picture}' },
        admin: 'realm_access.roles contains boss',
        groups: { rooms: [{ group: 'staff', room: '#staff:example.org', power_level: 50 }] },
      },
    ],
  }
  const claims = {
    iss: 'https://c.example',
    aud: 'chat',
    sub: '1234',
    exp: now / 1000 + 60,
    email: 'Zoe@c.example',
    email_verified: true,
    name: 'Zoë',
    picture: 'https://c.example/z.png',
    realm_access: { roles: ['chat'] },
    groups: ['staff', 'other'],
  }
  const good = await explain(input, sign({ ...claims, sid: 'abc' }, undefined, secret))
  assert.deepEqual([good?.accepted, good?.user], [true, '@zoe:example.org'])
  const { device, ...takes } = good?.takes ?? {}
  assert.match(device ?? '', /^[0-9A-F]{20}$/)
  assert.deepEqual(takes, {
    display_name: 'Zoë',
    avatar: 'https://c.example/z.png',
    email: 'Zoe@c.example',
    admin: 'no',
    rooms: '#staff:example.org (staff, power 50)',
  })
  const broken = await explain(input, sign({ ...claims, email_verified: false }, undefined, secret))
  assert.deepEqual(
    [broken?.accepted, broken?.code, broken?.problem],
    [false, 'rule_broken', 'The rule "email_verified equals true" does not hold'],
  )
  assert.deepEqual(
    broken?.steps.slice(-2).map(({ rule }) => rule),
    ['rule', 'rule'],
  )
  const nameless = await explain(input, sign({ ...claims, email: undefined }, undefined, secret))
  assert.match(nameless?.problem ?? '', /\{email\|before @\}/)
})

test('a token of a provider whose people come in through the browser is told what to do', async () => {
  const oidc = { id: 'kc', type: 'oidc', issuer: 'https://k.example', client_id: 'matrix' } as const
  for (const jwt of [{}, block]) {
    const said = await explain(
      { public_base_url: 'https://m.example', identity_providers: [oidc], ...jwt },
      sign({ iss: 'https://k.example', sub: 'a' }, undefined, 'x'),
    )
    assert.deepEqual([said?.accepted, said?.provider], [false, 'kc'])
    assert.match(said?.fix ?? '', /same_people_as: kc/)
  }
})

// What becomes of somebody whom a native provider vouches for: rules, names, links, sessions, and what is taken over.
import assert from 'node:assert/strict'
import type { ConfigInput } from '../config/index.ts'
import {
  type Answer,
  type Body,
  inEveryWorld,
  inWorld,
  refusal,
  sign as signAny,
  type World,
} from '../../test/harness/login-world.ts'

const type = 'org.matrix.login.jwt'
const now = Date.UTC(2030, 0, 1) / 1000
const key = (id: string): string => id.repeat(32).slice(0, 40)

type Provider = Extract<NonNullable<ConfigInput['identity_providers']>, readonly unknown[]>[number] & { type: 'jwt' }
const provider = (id: string, more: Partial<Provider> = {}): Provider => ({
  id,
  type: 'jwt',
  secret: [key(id)],
  issuer: `https://${id}.example`,
  audiences: ['chat'],
  ...more,
})
const token = (id: string, claims: Body): string =>
  signAny({ iss: `https://${id}.example`, aud: 'chat', iat: now, exp: now + 300, ...claims }, undefined, key(id))
const only = (...providers: Provider[]): ConfigInput => ({
  jwt_config: { enabled: false },
  identity_providers: providers,
})

const attempt = (world: World, id: string, claims: Body, more: Body = {}): Promise<Answer> =>
  world.ask('POST', '/login', { type, token: token(id, claims), ...more })
const answerTo = async (world: World, id: string, claims: Body, more: Body = {}): Promise<string> => {
  const answer = await attempt(world, id, claims, more)
  return answer.status === 200 ? String(answer.body['user_id']) : refusal(answer)
}
const session = async (world: World, id: string, claims: Body, more: Body = {}): Promise<string> => {
  const { body, ...answer } = await attempt(world, id, claims, more)
  assert.equal(answer.status, 200, JSON.stringify(body))
  return String(body['access_token'])
}
const accountOf = async (world: World, localpart: string) => {
  const account = await world.users.findByLocalpart(localpart)
  assert.ok(account)
  return account
}
const passwordUser = (world: World, username: string): Promise<Body> =>
  world.post('/register', { username, password: 'correct horse', auth: { type: 'm.login.dummy' } })

inEveryWorld(
  'the same subject of two issuers and of the block is three people',
  {
    identity_providers: [
      provider('a', { mapping: { localpart: 'a-{sub}' } }),
      provider('b', { mapping: { localpart: 'b-{sub}' } }),
    ],
  },
  async (world) => {
    for (let i = 0; i < 2; i++) {
      assert.equal(await answerTo(world, 'a', { sub: 'sam' }), '@a-sam:one.test')
      assert.equal(await answerTo(world, 'b', { sub: 'sam' }), '@b-sam:one.test')
      assert.equal((await world.jwt('sam'))['user_id'], '@sam:one.test')
    }
    // Signed by one and naming the other, or naming a third.
    const forged = (iss: string, by: string): string =>
      signAny({ iss, aud: 'chat', iat: now, exp: now + 300, sub: 'sam' }, undefined, key(by))
    for (const bad of [
      forged('https://a.example', 'b'),
      forged('https://b.example', 'a'),
      forged('https://c.example', 'a'),
      forged('', 'b'),
    ]) {
      assert.match(await world.refused('/login', { type, token: bad }), /^403 M_FORBIDDEN JWT validation failed/)
    }
  },
)

inEveryWorld(
  'two subjects that would have one name are two people, and the second is refused',
  only(provider('a', { mapping: { localpart: '{email|before @}' } })),
  async (world) => {
    assert.equal(await answerTo(world, 'a', { sub: '1', email: 'sam@x.example' }), '@sam:one.test')
    assert.match(
      await answerTo(world, 'a', { sub: '2', email: 'sam@y.example' }),
      /^403 M_FORBIDDEN .*belongs to another account/,
    )
    assert.equal(
      await answerTo(world, 'a', { sub: '1', email: 'renamed@x.example' }),
      '@sam:one.test',
      'the subject counts, not the name',
    )
    assert.equal(await answerTo(world, 'a', { sub: '2', email: 'other@y.example' }), '@other:one.test')
    assert.match(await answerTo(world, 'a', { sub: '3' }), /^400 M_INVALID_USERNAME .*\{email\|before @\}/)
    assert.equal(
      await answerTo(world, 'a', { sub: '4', email: '@evil:x.example' }),
      '400 M_INVALID_USERNAME The claims that make a user name are not there: {email|before @}',
    )
    assert.match(await answerTo(world, 'a', { sub: '5', email: '_root@x.example' }), /^400 M_INVALID_USERNAME/)
  },
)

inWorld(
  'subjects that differ in letter case are one person where they are the name, and two where they are not',
  only(provider('a'), provider('b', { mapping: { localpart: 'b.{name}' } })),
  async (world) => {
    for (const sub of ['Carol', 'carol', 'CAROL']) assert.equal(await answerTo(world, 'a', { sub }), '@carol:one.test')
    assert.equal(await answerTo(world, 'b', { sub: 'x1', name: 'dora' }), '@b.dora:one.test')
    assert.match(await answerTo(world, 'b', { sub: 'X1', name: 'dora' }), /^403 M_FORBIDDEN .*another account/)
  },
)

inWorld(
  'rules decide who comes in; the client is told that there is one, and the log which',
  only(
    provider('a', {
      name: 'Acme',
      rules: ['realm_access.roles contains chat', 'email_verified equals true'],
    }),
  ),
  async (world) => {
    const good = { sub: 'sam', realm_access: { roles: ['chat'] }, email_verified: true }
    assert.equal(await answerTo(world, 'a', good), '@sam:one.test')
    for (const change of [
      { realm_access: { roles: ['chatter'] } },
      { realm_access: 'chat x' },
      { realm_access: undefined },
      { email_verified: 'no' },
    ]) {
      const { status, body } = await attempt(world, 'a', { ...good, ...change })
      assert.deepEqual(
        [status, body['errcode'], body['error'], body['code']],
        [403, 'M_FORBIDDEN', 'Your account at "Acme" may not sign in here', 'rule_broken'],
      )
    }
    const line = world.said.filter(({ details }) => details['code'] === 'rule_broken').at(-1)
    assert.deepEqual(
      [line?.details['provider'], line?.details['rule'], line?.details['key']],
      ['a', 'email_verified equals true', 'HMAC secret of 32 bytes'],
    )
  },
)

inWorld(
  'without registration only linked people come in',
  only(provider('a', { registration: false })),
  async (world) => {
    const { status, body } = await attempt(world, 'a', { sub: '77' })
    assert.deepEqual([status, body['errcode'], body['code']], [403, 'M_FORBIDDEN', 'no_account'])
    const userId = await world.login.createAccount({
      localpart: 'sam',
      password: null,
      admin: false,
      displayName: null,
      createdBy: 'cli',
    })
    const { nid } = await accountOf(world, 'sam')
    await world.identities.links.add(nid, { provider: 'a', subject: '77' }, 'operator')
    assert.equal(await answerTo(world, 'a', { sub: '77' }), userId)
  },
)

inEveryWorld(
  'a taken name is linked after proof of both sides, and never without',
  {
    registration: 'open',
    ...only(provider('a', { taken: 'link' }), provider('b')),
  },
  async (world) => {
    const wrong = { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'sam' }, password: 'wrong horse' }
    const right = { ...wrong, password: 'correct horse' }
    await passwordUser(world, 'sam')
    await passwordUser(world, 'eve')
    const { status, body } = await attempt(world, 'a', { sub: 'sam' })
    assert.deepEqual([status, body['code'], body['user_id']], [403, 'link_needed', '@sam:one.test'])
    assert.match(await answerTo(world, 'a', { sub: 'sam' }, { link: wrong }), /^403 M_FORBIDDEN Wrong user name/)
    assert.match(
      await answerTo(
        world,
        'a',
        { sub: 'sam' },
        { link: { ...right, identifier: { type: 'm.id.user', user: 'eve' } } },
      ),
      /^403 M_FORBIDDEN .*another account/,
    )
    for (const link of [7, 'x', [], {}, { type: 7 }])
      assert.match(await answerTo(world, 'a', { sub: 'sam' }, { link }), /^400 M_BAD_JSON/)
    assert.match(await answerTo(world, 'a', { sub: 'sam' }, { link: { type: 'm.login.nothing' } }), /^400 M_UNKNOWN/)
    assert.match(
      await answerTo(world, 'a', { sub: 'sam' }, { link: { type, token: token('b', { sub: 'sam2' }) } }),
      /^403 M_FORBIDDEN/,
      'of nobody here',
    )
    assert.equal(await answerTo(world, 'a', { sub: 'sam' }, { link: right }), '@sam:one.test')
    assert.equal(await answerTo(world, 'a', { sub: 'sam' }), '@sam:one.test', 'linked for good')
    assert.match(
      await answerTo(world, 'b', { sub: 'sam' }, { link: right }),
      /^403 M_FORBIDDEN/,
      'the other provider refuses taken names',
    )
  },
)

inEveryWorld(
  'links are listed, added with proof of both sides, and removed, but for the last way in',
  only(provider('a'), provider('b')),
  async (world) => {
    const path = '/_latchkey/client/v1/account/identities'
    const access = await session(world, 'a', { sub: 'sam' })
    const list = async (): Promise<unknown> =>
      ((await world.ask('GET', path, undefined, access)).body['identities'] as Body[]).map((one) => [
        one['provider'],
        one['subject'],
      ])
    assert.deepEqual(await list(), [['a', 'sam']])
    const wish = { type, token: token('b', { sub: 'sam@b' }) }
    const fresh = (): Body => ({ type, token: token('a', { sub: 'sam' }) })
    assert.equal((await world.ask('POST', path, wish, access)).status, 401)
    assert.equal(
      (await world.ask('POST', path, { ...wish, auth: { type, token: token('b', { sub: 'sam@b' }) } }, access)).status,
      401,
      'the new one proves nothing of the account',
    )
    await world.post(path, { ...wish, auth: fresh() }, access)
    assert.deepEqual(await list(), [
      ['a', 'sam'],
      ['b', 'sam@b'],
    ])
    const second = await session(world, 'b', { sub: 'sam@b' })
    assert.equal((await world.ask('GET', '/account/whoami', undefined, second)).body['user_id'], '@sam:one.test')
    const eve = await session(world, 'a', { sub: 'eve' })
    assert.match(
      refusal(await world.ask('POST', path, { ...wish, auth: { type, token: token('a', { sub: 'eve' }) } }, eve)),
      /^400 M_USER_IN_USE/,
    )
    await world.post(`${path}/remove`, { provider: 'b', subject: 'sam@b', auth: fresh() }, access)
    const ended = await world.ask('GET', '/account/whoami', undefined, second)
    assert.deepEqual([ended.status, ended.body['errcode'], ended.body['soft_logout']], [401, 'M_UNKNOWN_TOKEN', true])
    assert.match(
      refusal(await world.ask('POST', `${path}/remove`, { provider: 'a', subject: 'sam', auth: fresh() }, access)),
      /^403 M_FORBIDDEN .*only way/,
    )
    assert.match(
      refusal(await world.ask('POST', `${path}/remove`, { provider: 'a', subject: 'eve', auth: fresh() }, access)),
      /^404 M_NOT_FOUND/,
    )
    assert.equal(await answerTo(world, 'b', { sub: 'sam@b' }), '@sam=40b:one.test', 'who is unlinked is somebody else')
  },
)

inWorld('links are imported from a list, each for itself', only(provider('a')), async (world) => {
  for (const localpart of ['sam', 'eve'])
    await world.login.createAccount({ localpart, password: null, admin: false, displayName: null, createdBy: 'cli' })
  const line = (number: number, user: string, subject: string, id = 'a') => ({
    line: number,
    provider: id,
    subject,
    user,
  })
  const imported = await world.identities.links.import([
    line(1, 'sam', 's1'),
    line(2, 'eve', 'e1'),
    line(3, 'eve', 's1'),
    line(4, 'nobody', 'x'),
    line(5, 'sam', 'y', 'z'),
    line(6, 'sam', 's1'),
    line(7, 'sam', 'a\0b'),
  ])
  assert.deepEqual([imported.linked, imported.kept, imported.refused.map(({ line: at }) => at)], [2, 1, [3, 4, 5, 7]])
  assert.equal(await answerTo(world, 'a', { sub: 's1' }), '@sam:one.test')
  assert.equal(await answerTo(world, 'a', { sub: 'e1' }), '@eve:one.test')
})

inWorld(
  'a provider with the same people as another leads to the same accounts',
  only(provider('a'), provider('b', { same_people_as: 'a' }), provider('c')),
  async (world) => {
    assert.equal(await answerTo(world, 'a', { sub: 'Sam' }), '@sam:one.test')
    assert.equal(await answerTo(world, 'b', { sub: 'Sam' }), '@sam:one.test')
    assert.equal(await answerTo(world, 'b', { sub: 'eve' }), '@eve:one.test')
    assert.equal(await answerTo(world, 'a', { sub: 'eve' }), '@eve:one.test')
    assert.match(await answerTo(world, 'c', { sub: 'eve' }), /^403 M_FORBIDDEN/)
  },
)

inEveryWorld(
  'a token that is good once is used once, however many bring it at the same time',
  only(provider('a', { one_time: true })),
  async (world) => {
    const one = token('a', { sub: 'sam', jti: 'j1' })
    const login = () => world.ask('POST', '/login', { type, token: one })
    const answers = await Promise.all(Array.from({ length: 10 }, login))
    assert.deepEqual(
      answers.map(({ status }) => status).sort((a, b) => a - b),
      [200, ...Array.from({ length: 9 }, () => 403)],
    )
    assert.match(
      refusal(answers.find(({ status }) => status === 403)!),
      /JWT validation failed: The token was used already/,
    )
    assert.match(await answerTo(world, 'a', { sub: 'sam' }), /^403 M_FORBIDDEN JWT validation failed: .*"jti"/)
    assert.match(await answerTo(world, 'a', { sub: 'sam', jti: 7 }), /^403 M_FORBIDDEN JWT validation failed: .*"jti"/)
    assert.equal(await answerTo(world, 'a', { sub: 'sam', jti: 'j2' }), '@sam:one.test')
    world.clock.now += 400_000
    const later = Math.floor(world.clock.now / 1000)
    assert.equal(
      await answerTo(world, 'a', { sub: 'sam', jti: 'j1', iat: later, exp: later + 60 }),
      '@sam:one.test',
      'what has run out is forgotten',
    )
  },
)

inEveryWorld(
  'a session that is capped ends with the token, for clients that refresh and for others',
  only(provider('a', { session_until: 'token_expiry' })),
  async (world) => {
    const plain = (await attempt(world, 'a', { sub: 'sam', exp: now + 7200 })).body
    assert.equal(plain['expires_in_ms'], 7_260_000)
    assert.ok(!('refresh_token' in plain))
    const refreshing = (await attempt(world, 'a', { sub: 'sam', exp: now + 7200 }, { refresh_token: true })).body
    assert.equal(refreshing['expires_in_ms'], 3_600_000)
    world.clock.now += 3_500_000
    const refreshed = await world.post('/refresh', { refresh_token: refreshing['refresh_token'] })
    assert.equal(refreshed['expires_in_ms'], 3_600_000)
    world.clock.now += 3_500_000
    const last = await world.post('/refresh', { refresh_token: refreshed['refresh_token'] })
    assert.equal(last['expires_in_ms'], 260_000)
    assert.ok(!('refresh_token' in last), 'there is nothing left to refresh')
    world.clock.now += 260_000
    for (const access of [plain['access_token'], last['access_token']]) {
      const { status, body } = await world.ask('GET', '/account/whoami', undefined, String(access))
      assert.deepEqual([status, body['errcode'], body['soft_logout']], [401, 'M_UNKNOWN_TOKEN', true])
    }
  },
)

inEveryWorld(
  "names are taken at first or always, and a locked one is the provider's",
  only(
    provider('a'),
    provider('b', { mapping: { display_name: ['{nick}', '{name}'], refresh: 'always' } }),
    provider('c', { name: 'Corp', mapping: { locked: ['display_name'] } }),
  ),
  async (world) => {
    const nameOf = async (localpart: string): Promise<string | null> => (await accountOf(world, localpart)).displayName
    const put = (localpart: string, access: string): Promise<Answer> =>
      world.ask('PUT', `/profile/@${localpart}:one.test/displayname`, { displayname: 'My own' }, access)
    for (const [id, localpart, after] of [
      ['a', 'ann', 'My own'],
      ['b', 'bob', 'Second'],
      ['c', 'cat', 'Second'],
    ] as const) {
      const access = await session(world, id, { sub: localpart, name: 'First' })
      assert.equal(await nameOf(localpart), 'First')
      const answer = await put(localpart, access)
      if (id === 'c') assert.equal(refusal(answer), '403 M_FORBIDDEN This comes from "Corp", and is changed there')
      else assert.equal(answer.status, 200)
      await session(world, id, { sub: localpart, name: 'Second' })
      assert.equal(await nameOf(localpart), after)
      await session(world, id, { sub: localpart, name: ['x'] })
      await session(world, id, { sub: localpart })
      assert.equal(await nameOf(localpart), after, 'a claim that is gone takes nothing away')
    }
  },
)

inEveryWorld(
  'who is an administrator is said by a claim, and taken back by it',
  only(provider('a', { admin: 'roles contains boss' }), provider('b')),
  async (world) => {
    const access = await session(world, 'a', { sub: 'sam', roles: ['boss'] })
    assert.equal((await accountOf(world, 'sam')).admin, true)
    await session(world, 'a', { sub: 'sam', roles: [] })
    assert.equal((await accountOf(world, 'sam')).admin, false)
    assert.equal((await world.ask('GET', '/account/whoami', undefined, access)).status, 200)
    await session(world, 'b', { sub: 'ben' })
    await world.users.setAdmin((await accountOf(world, 'ben')).nid, true)
    await session(world, 'b', { sub: 'ben' })
    assert.equal((await accountOf(world, 'ben')).admin, true, 'a provider that is not asked takes nothing away')
  },
)

inWorld(
  'good tokens are never held up by the limit on sign-ins, and passwords are',
  {
    registration: 'open',
    rate_limits: { login: { per_second: 1, burst: 5 } },
  },
  async (world) => {
    await passwordUser(world, 'pat')
    const ip = '192.0.2.9'
    for (let i = 0; i < 200; i++)
      assert.equal(
        (await world.ask('POST', '/login', { type, token: signAny({ sub: 'sam' }) }, undefined, ip)).status,
        200,
      )
    const guess = () =>
      world.ask(
        'POST',
        '/login',
        { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'pat' }, password: 'correct horse' },
        undefined,
        ip,
      )
    for (let i = 0; i < 5; i++) assert.equal((await guess()).status, 200)
    assert.equal((await guess()).status, 429)
    assert.equal(
      (await world.ask('POST', '/login', { type, token: signAny({ sub: 'sam' }) }, undefined, ip)).status,
      200,
    )
  },
)

inWorld(
  'a token of a native provider confirms when it is fresh, and says when it was made',
  only(provider('a')),
  async (world) => {
    const access = await session(world, 'a', { sub: 'sam' })
    const confirm = (claims: Body): Promise<string> =>
      world.refused(
        '/account/password',
        { new_password: 'battery staple', logout_devices: false, auth: { type, token: token('a', claims) } },
        access,
      )
    assert.match(await confirm({ sub: 'sam', iat: undefined }), /^401 M_FORBIDDEN .*"iat"/)
    assert.match(await confirm({ sub: 'sam', iat: now - 400 }), /^401 M_FORBIDDEN .*5 minutes/)
    assert.match(await confirm({ sub: 'eve' }), /^401 M_FORBIDDEN .*another user/)
    assert.match(await confirm({ sub: 'sam' }), /^200/)
  },
)

inWorld(
  'a sign-in is one line in the log that names provider, key and user, and no token',
  only(provider('a')),
  async (world) => {
    const one = token('a', { sub: 'sam' })
    await world.post('/login', { type, token: one })
    const line = world.said.find(({ message }) => message === 'somebody signed in')
    assert.deepEqual(
      [line?.details['provider'], line?.details['key'], line?.details['user'], line?.details['made']],
      ['a', 'HMAC secret of 32 bytes', '@sam:one.test', true],
    )
    assert.ok(!JSON.stringify(world.said).includes(one.split('.')[2] ?? ''))
  },
)

inEveryWorld(
  "the mail address of the provider is the account's, unless it is somebody else's, and cannot be changed here where it is locked",
  only(
    provider('a', { mapping: { email: '{email}', refresh: 'always' } }),
    provider('b', { name: 'Corp', mapping: { email: '{email}', locked: ['email'] } }),
  ),
  async (world) => {
    const addresses = async (access: string): Promise<unknown> =>
      ((await world.ask('GET', '/account/3pid', undefined, access)).body['threepids'] as Body[]).map(
        ({ medium, address }) => `${String(medium)} ${String(address)}`,
      )
    const sam = await session(world, 'a', { sub: 'sam', email: 'Sam@Example.org' })
    assert.deepEqual(await addresses(sam), ['email sam@example.org'])
    await session(world, 'a', { sub: 'sam', email: 'sam@new.example' })
    assert.deepEqual(await addresses(sam), ['email sam@new.example'])
    for (const email of [
      'nothing',
      'a b@x.example',
      '@x.example',
      7,
      ['sam@x.example'],
      'x@',
      `${'x'.repeat(300)}@x.example`,
    ])
      await session(world, 'a', { sub: 'sam', email })
    assert.deepEqual(await addresses(sam), ['email sam@new.example'])
    const eve = await session(world, 'b', { sub: 'eve', email: 'sam@new.example' })
    assert.deepEqual(await addresses(eve), [])
    await session(world, 'b', { sub: 'eve', email: 'eve@x.example' })
    const remove = (access: string, address: string): Promise<string> =>
      world.refused('/account/3pid/delete', { medium: 'email', address }, access)
    assert.match(await remove(eve, 'eve@x.example'), /^403 M_FORBIDDEN Your mail address comes from "Corp"/)
    assert.match(await remove(sam, 'sam@new.example'), /^200/)
    assert.deepEqual([await addresses(sam), await addresses(eve)], [[], ['email eve@x.example']])
  },
)

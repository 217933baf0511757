// Sign-in by the password of a directory, against a real OpenLDAP.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultConfig } from '../../../src/config/index.ts'
import { policiesOf } from '../../../src/identity/index.ts'
import { explainPerson, openDirectories } from '../../../src/providers/index.ts'
import { type Body, Client } from '../../harness/client.ts'
import { freePort } from '../../harness/process.ts'
import { dnOf, groupOf, person, replace, suffix } from './slapd.ts'
import { skip, search, byName, withServer, outcome, wrong, until, accountOf, slapd } from './fixture.ts'

for (const [mode, entry] of [
  ['searched for', search],
  ['known by its name', byName],
] as const) {
  test(`somebody whose entry is ${mode} signs in by password, and takes over what it says`, { skip }, async () => {
    await withServer(entry({ mapping: { email: '{mail|first}' } }), {}, async (world) => {
      assert.deepEqual(
        (await new Client(world.server.url).req<{ flows: { type: string }[] }>('GET', '/login')).flows
          .map(({ type }) => type)
          .includes('m.login.password'),
        true,
      )
      assert.equal(outcome(await world.login('ann', 'password of ann')), '@ann:one.test')
      assert.equal((await accountOf(world, 'ann')).displayName, 'Ann of Example')
      assert.equal(
        outcome(await world.login('ANN', 'password of ann')),
        '@ann:one.test',
        'names in a directory have no letter case',
      )
      assert.equal(outcome(await world.login('@ann:one.test', 'password of ann')), '@ann:one.test')
      for (const [user, password] of [
        ['ann', 'password of bob'],
        ['ann', ''],
        ['ann', '\0'],
        ['nobody', 'password of ann'],
        ['', 'x'],
        ['*', 'password of ann'],
        ['@ann:other.test', 'password of ann'],
        ['ann)(uid=*', 'password of ann'],
        ['ann,ou=people', 'password of ann'],
        ['a'.repeat(1000), 'x'],
      ] as const) {
        assert.equal(outcome(await world.login(user, password)), wrong, `${user} ${password}`)
      }
      const line = world.said.find(({ msg }) => msg === 'somebody signed in')
      assert.deepEqual(
        [line?.['provider'], line?.['key'], line?.['user'], line?.['made']],
        ['corp', `password, by ${slapd.url}`, '@ann:one.test', true],
      )
      const refusal = world.said.find(({ msg }) => msg === 'a password was refused by a directory')
      assert.deepEqual([refusal?.['provider'], refusal?.['code']], ['corp', 'ldap_49'])
      assert.ok(!JSON.stringify(world.said).includes('password of'), 'no password is in the log')
    })
  })
}

test('an empty password is refused before the directory is asked', { skip }, async () => {
  await withServer(byName(), {}, async (world) => {
    const before = slapd.binds().length
    assert.equal(outcome(await world.login('ann', '')), wrong)
    assert.equal(slapd.binds().length, before)
    assert.equal(outcome(await world.login('ann', 'password of ann')), '@ann:one.test')
    assert.ok(slapd.binds().length > before)
  })
})

test('names with every kind of mark in them are looked for as they are', { skip }, async () => {
  for (const uid of [
    'o,brien',
    'a+b',
    '(x)',
    'back\\slash',
    '#first',
    'müller',
    'a=b',
    'two words',
    '"quoted"',
    'st*r',
    'a;b<c>',
  ]) {
    await slapd.change((client) =>
      client.add(
        `cn=${Buffer.from(uid).toString('hex')},ou=people,${suffix}`,
        person(uid, { cn: Buffer.from(uid).toString('hex') }),
      ),
    )
  }
  await withServer(search({ mapping: { localpart: 'u-{uid|first}' } }), {}, async (world) => {
    for (const uid of [
      'o,brien',
      'a+b',
      '(x)',
      'back\\slash',
      '#first',
      'müller',
      'a=b',
      'two words',
      '"quoted"',
      'st*r',
      'a;b<c>',
    ]) {
      const answer = await world.login(uid, `password of ${uid}`)
      assert.equal(answer.status, 200, `${uid}: ${JSON.stringify(answer.body)}`)
      assert.equal(outcome(await world.login(uid, 'password of ann')), wrong)
    }
    assert.equal(outcome(await world.login('st', 'password of st*r')), wrong)
  })
  await withServer(
    { ...byName(), user_dn: `cn={username},ou=people,${suffix}`, mapping: { localpart: 'v-{uid|first}' } },
    {},
    async (world) => {
      await slapd.change((client) =>
        client.add(`cn=x\\2cy \\2b z,ou=people,${suffix}`, person('xyz', { cn: 'x,y + z' })),
      )
      assert.equal(outcome(await world.login('x,y + z', 'password of xyz')), '@v-xyz:one.test')
      assert.equal(outcome(await world.login('x', 'password of xyz')), wrong)
    },
  )
})

test(
  'connections are encrypted by StartTLS or ldaps, and only to whom the authority vouches for',
  { skip },
  async () => {
    for (const urls of [slapd.url, slapd.secureUrl, slapd.secureUrl.replace('127.0.0.1', 'localhost')]) {
      await withServer(search({ urls }), {}, async (world) =>
        assert.equal(outcome(await world.login('ann', 'password of ann')), '@ann:one.test', urls),
      )
    }
    for (const urls of [slapd.url, slapd.secureUrl]) {
      await withServer(search({ urls, ca: undefined }), {}, async (world) => {
        const before = slapd.binds().length
        const { status, body } = await world.login('ann', 'password of ann')
        assert.deepEqual([status, body['errcode'], body['code']], [503, 'M_UNKNOWN', 'directory_unreachable'])
        assert.equal(slapd.binds().length, before, 'nothing was said')
        assert.match(JSON.stringify(world.said), /self-signed certificate|unable to (get|verify)/)
      })
    }
    await withServer(search({ start_tls: false }), {}, async (world) =>
      assert.equal(outcome(await world.login('ann', 'password of ann')), '@ann:one.test'),
    )
  },
)

test('the next server is asked where one is not there', { skip }, async () => {
  const gone = `ldap://127.0.0.1:${await freePort()}`
  await withServer(search({ urls: [gone, slapd.secureUrl] }), {}, async (world) => {
    assert.equal(outcome(await world.login('ann', 'password of ann')), '@ann:one.test')
    assert.equal(outcome(await world.login('ann', 'wrong')), wrong)
  })
  await withServer(search({ urls: [gone] }), {}, async (world) => {
    assert.match(
      outcome(await world.login('ann', 'password of ann')),
      /^503 M_UNKNOWN The directory that knows your password cannot be asked now/,
    )
  })
  await withServer(search({ bind_password: 'wrong' }), {}, async (world) => {
    assert.match(outcome(await world.login('ann', 'password of ann')), /^503/)
    assert.match(JSON.stringify(world.said), /does not take bind_dn and bind_password: ldap_49/)
  })
})

test('filters and rules decide who comes in', { skip }, async () => {
  for (const entry of [search, byName]) {
    await withServer(entry({ filter: '(&(objectClass=person)(!(employeeType=guest)))' }), {}, async (world) => {
      assert.equal(outcome(await world.login('ann', 'password of ann')), '@ann:one.test')
      assert.equal(outcome(await world.login('bob', 'password of bob')), wrong)
    })
  }
  await withServer(search({ rules: 'mail exists' }), {}, async (world) => {
    assert.equal(outcome(await world.login('ann', 'password of ann')), '@ann:one.test')
    assert.equal(
      outcome(await world.login('bob', 'password of bob')),
      '403 M_FORBIDDEN Your account at "corp" may not sign in here',
    )
  })
  await withServer(search({ login_attributes: ['uid', 'mail'] }), {}, async (world) => {
    assert.equal(outcome(await world.login('ann@example.org', 'password of ann')), '@ann:one.test')
  })
})

test('an account with a password of its own keeps it, and its name', { skip }, async () => {
  await withServer(search(), {}, async (world) => {
    await new Client(world.server.url).req('POST', '/register', {
      username: 'ann',
      password: 'her own password',
      auth: { type: 'm.login.dummy' },
    })
    assert.equal(outcome(await world.login('ann', 'her own password')), '@ann:one.test')
    const { status, body } = await world.login('ann', 'password of ann')
    assert.deepEqual([status, body['code']], [403, 'name_taken'])
    const proof = { link: { type: 'm.login.password', user: 'ann', password: 'her own password' } }
    assert.equal((await world.login('ann', 'password of ann', proof)).status, 403)
  })
  await withServer(search({ taken: 'link' }), {}, async (world) => {
    await new Client(world.server.url).req('POST', '/register', {
      username: 'ann',
      password: 'her own password',
      auth: { type: 'm.login.dummy' },
    })
    assert.equal((await world.login('ann', 'password of ann')).body['code'], 'link_needed')
    assert.equal(
      outcome(
        await world.login('ann', 'password of ann', {
          link: { type: 'm.login.password', user: 'ann', password: 'her own password' },
        }),
      ),
      '@ann:one.test',
    )
    assert.equal(outcome(await world.login('ann', 'password of ann')), '@ann:one.test')
    assert.equal(outcome(await world.login('ann', 'her own password')), '@ann:one.test')
  })
  await withServer(search(), { password_login: false }, async (world) => {
    await world.server.login.createAccount({
      localpart: 'carl',
      password: 'his own password',
      admin: false,
      displayName: null,
      createdBy: 'cli',
    })
    assert.equal(outcome(await world.login('carl', 'his own password')), wrong)
    assert.equal(outcome(await world.login('ann', 'password of ann')), '@ann:one.test')
  })
})

test('a refusal looks the same and takes as long, whoever is there', { skip }, async () => {
  await withServer(search(), {}, async (world) => {
    const time = async (user: string): Promise<number> => {
      const start = performance.now()
      assert.equal(outcome(await world.login(user, 'wrong')), wrong)
      return performance.now() - start
    }
    for (const user of ['ann', 'nobody-of-that-name', '@ann:one.test']) assert.ok((await time(user)) >= 295, user)
  })
})

test(
  'whoever came by a directory confirms protected requests with the password there, whatever the account is called',
  { skip },
  async () => {
    await withServer(search({ mapping: { localpart: 'emp-{uid|first}' } }), {}, async (world) => {
      const ann = await world.client('ann')
      const other = await world.client('ann')
      assert.equal(ann.userId, '@emp-ann:one.test')
      const path = `/devices/${other.deviceId}`
      const asked = await ann.ask<{ flows: { stages: string[] }[]; session: string }>('DELETE', path, {})
      assert.deepEqual([asked.status, asked.body.flows], [401, [{ stages: ['m.login.password'] }]])
      const auth = (password: string, user: string): Body => ({
        auth: {
          type: 'm.login.password',
          session: asked.body.session,
          identifier: { type: 'm.id.user', user },
          password,
        },
      })
      assert.equal(await ann.refusal('DELETE', path, auth('password of bob', ann.userId)), '401 M_FORBIDDEN')
      assert.equal(
        await ann.refusal('DELETE', path, auth('password of bob', 'bob')),
        '401 M_FORBIDDEN',
        "another one's password",
      )
      assert.equal(await ann.refusal('DELETE', path, auth('', ann.userId)), '401 M_FORBIDDEN')
      await ann.req('DELETE', path, auth('password of ann', ann.userId))
      assert.equal(await other.refusal('GET', '/account/whoami'), '401 M_UNKNOWN_TOKEN')
    })
  },
)

for (const [how, more] of [
  ['memberOf', {}],
  ['a search', { group_filter: '(member={dn})' }],
] as const) {
  test(`groups by ${how} bring people into rooms, and out of them`, { skip }, async () => {
    const entry = search({
      group_base: `ou=groups,${suffix}`,
      groups: { rooms: [{ group: 'staff', room: '#staff:one.test', power_level: 50 }] },
      ...more,
    })
    await withServer(entry, {}, async (world) => {
      const boss = new Client(world.server.url)
      const { access_token: token } = await boss.req<{ access_token: string }>('POST', '/register', {
        username: 'boss',
        password: 'a long password',
        auth: { type: 'm.login.dummy' },
      })
      boss.token = token
      const room = await boss.createRoom({ room_alias_name: 'staff' })
      const ann = await world.client('ann')
      const joined = async (): Promise<boolean> =>
        (await ann.req<{ joined_rooms: string[] }>('GET', '/joined_rooms')).joined_rooms.includes(room)
      await until('she is in', joined)
      await slapd.change((client) => replace(client, groupOf('staff'), 'member', [dnOf('bob')]))
      try {
        await world.client('ann')
        await until('she is out', async () => !(await joined()))
      } finally {
        await slapd.change((client) => replace(client, groupOf('staff'), 'member', [dnOf('ann'), dnOf('bob')]))
      }
    })
  })
}

test(
  'what becomes of somebody of a directory is explained without a password, whatever their entry is called',
  { skip },
  async () => {
    const dn = `cn=Grüße\\2C \\28x\\29 *,ou=people,${suffix}`
    await slapd.change((client) => client.add(dn, person('gr', { cn: 'Grüße, (x) *' })))
    await slapd.change((client) =>
      client.add(groupOf('marks'), { objectClass: 'groupOfNames', cn: 'marks', member: [dn] }),
    )
    const config = defaultConfig({
      server_name: 'one.test',
      identity_providers: [
        search({
          group_base: `ou=groups,${suffix}`,
          group_filter: '(member={dn})',
          groups: { rooms: [{ group: 'marks', room: '#marks:one.test' }] },
          rules: 'groups contains marks',
        }),
      ],
    })
    const { policies } = policiesOf(config)
    const [directory] = openDirectories(config, policies, { now: () => 0 })
    const policy = policies.get('corp')
    assert.ok(directory && policy)
    const explain = (name: string) => explainPerson(directory, policy, 'one.test', name)
    const good = await explain('gr')
    assert.deepEqual(
      [good.accepted, good.user, good.takes['rooms'], good.claims['groups']],
      [true, '@gr:one.test', '#marks:one.test (marks)', ['marks']],
    )
    const ruled = await explain('ann')
    assert.deepEqual([ruled.accepted, ruled.code], [false, 'rule_broken'])
    const nobody = await explain('nobody')
    assert.deepEqual([nobody.accepted, nobody.code], [false, 'not_found'])
    assert.match(nobody.fix ?? '', /login_attributes/)
  },
)

// An identity provider that manages accounts here by SCIM, as Entra ID and Okta do it, on a whole server.
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { type Body, Client } from './harness/client.ts'
import { token, user, group, enterprise, tokenOf, scene, ann, idOf, refusalOf, type Scim } from './harness/scim.ts'

scene('the life of an account, as Entra ID tells it', {}, async ({ server, scim, done, patch, signIn }) => {
  const filter = `/Users?filter=${encodeURIComponent('userName eq "Ann@Example.org"')}`
  assert.deepEqual((await done('GET', filter))['totalResults'], 0)
  const made = await scim('POST', '/Users', { ...ann, [enterprise]: { department: 'Keys' } })
  assert.equal(made.status, 201, JSON.stringify(made.body))
  const id = idOf(made.body)
  const { meta, ...rest } = made.body
  assert.deepEqual(rest, { ...ann, schemas: [user, enterprise], id, [enterprise]: { department: 'Keys' } })
  const { location, version } = meta as { location: string; version: string }
  assert.deepEqual([made.headers.get('location'), made.headers.get('etag')], [location, version])
  assert.ok(location.endsWith(`/_latchkey/scim/v2/corp/Users/${id}`))
  const found = (await done('GET', filter))['Resources'] as Body[]
  assert.deepEqual(found.map(idOf), [id])

  const account = await server.users.findByLocalpart('ann')
  assert.deepEqual([account?.displayName, account?.locked], ['Ann', false])
  const client = await signIn('a-1')
  assert.equal(client.userId, '@ann:test', 'whoever signs in as that subject has the account')

  // Another name, another display name: the account stays.
  assert.equal(
    (
      await patch(
        `/Users/${id}`,
        { op: 'Replace', path: 'userName', value: 'anna@example.org' },
        { op: 'Replace', path: 'displayName', value: 'Anna' },
        { op: 'Add', path: 'emails[type eq "work"].value', value: 'anna@example.org' },
        { op: 'Add', path: `${enterprise}:department`, value: 'Locks' },
      )
    ).status,
    200,
  )
  const renamed = await done('GET', `/Users/${id}`)
  assert.deepEqual(
    [renamed['userName'], renamed['displayName'], renamed[enterprise]],
    ['anna@example.org', 'Anna', { department: 'Locks' }],
  )
  assert.deepEqual(renamed['emails'], [{ value: 'anna@example.org', type: 'work', primary: true }])
  assert.equal((await client.req<{ displayname: string }>('GET', `/profile/${client.userId}`)).displayname, 'Anna')
  assert.deepEqual((await signIn('a-1')).userId, '@ann:test')

  assert.equal((await patch(`/Users/${id}`, { op: 'Replace', path: 'active', value: 'False' })).body['active'], false)
  assert.equal(await client.refusal('GET', '/account/whoami'), '401 M_USER_LOCKED')
  assert.equal(
    await new Client(server.url).refusal('POST', '/login', { type: 'org.matrix.login.jwt', token: tokenOf('a-1') }),
    '401 M_USER_LOCKED',
  )
  assert.equal(
    (await patch(`/Users/${id}`, { op: 'Replace', value: { active: 'True', 'name.familyName': 'Sample' } })).body[
      'active'
    ],
    true,
  )
  assert.deepEqual((await done('GET', `/Users/${id}`))['name'], { givenName: 'Ann', familyName: 'Sample' })
  await client.req('GET', '/account/whoami')

  assert.equal((await scim('DELETE', `/Users/${id}`)).status, 204)
  assert.equal((await scim('GET', `/Users/${id}`)).status, 404)
  assert.equal(await client.refusal('GET', '/account/whoami'), '401 M_UNKNOWN_TOKEN')
  assert.equal((await server.users.findByLocalpart('ann'))?.deactivated, true)
  assert.deepEqual(refusalOf(await scim('POST', '/Users', ann)), [409, 'mutability', true], 'that is for good')
})

scene(
  'with deleted: lock whoever is deleted and made again has the account back',
  { deleted: 'lock' },
  async ({ server, done, scim, signIn }) => {
    const id = idOf(await done('POST', '/Users', ann))
    const client = await signIn('a-1')
    assert.equal((await scim('DELETE', `/Users/${id}`)).status, 204)
    assert.equal(await client.refusal('GET', '/account/whoami'), '401 M_USER_LOCKED')
    const again = await done('POST', '/Users', { ...ann, userName: 'other@example.org' })
    assert.notEqual(idOf(again), id)
    await client.req('GET', '/account/whoami')
    assert.equal((await server.users.findByLocalpart('ann'))?.displayName, 'Ann')
  },
)

scene(
  'deactivation by the provider reaches every token path within five seconds, sleeping syncs included',
  { inactive: 'lock' },
  async ({ server, done, patch, signIn }) => {
    for (const how of ['lock', 'delete'] as const) {
      const sub = `leaver-${how}`
      const id = idOf(await done('POST', '/Users', { ...ann, externalId: sub, userName: `${sub}@example.org` }))
      const opaque = await signIn(sub)
      const sliding = await signIn(sub)
      const refreshing = await opaque.req<{ refresh_token: string }>('POST', '/login', {
        type: 'org.matrix.login.jwt',
        token: tokenOf(sub),
        refresh_token: true,
      })
      const loginToken = await opaque.req<{ login_token: string }>('POST', '/_matrix/client/v1/login/get_token', {
        auth: { type: 'org.matrix.login.jwt', token: tokenOf(sub) },
      })
      const bearer = new Client(server.url)
      bearer.token = tokenOf(sub, { sid: `s-${how}` })
      await bearer.req('GET', '/account/whoami')
      // News of one's own new devices is told first.
      for (const client of [opaque, bearer]) await client.sync()
      const path = '/_matrix/client/unstable/org.matrix.simplified_msc3575/sync?timeout=30000'
      const { pos } = await sliding.req<{ pos: string }>('POST', path, {})
      const waiting = Promise.all([
        ...[opaque, bearer].map((client) => client.ask('GET', `/sync?timeout=30000&since=${client.since}`)),
        sliding.ask('POST', `${path}&pos=${pos}`, {}),
      ])
      assert.equal(await Promise.race([waiting, delay(200, 'asleep')]), 'asleep')

      const start = performance.now()
      if (how === 'lock')
        assert.equal((await patch(`/Users/${id}`, { op: 'replace', value: { active: false } })).status, 200)
      else await done('DELETE', `/Users/${id}`)
      const refused = async (client: Client, method: string, path: string, body?: unknown): Promise<void> =>
        assert.match(
          await client.refusal(method, path, body),
          how === 'lock' ? /^401 M_USER_LOCKED$/ : /^40[13] M_(UNKNOWN_TOKEN|USER_DEACTIVATED|FORBIDDEN)$/,
          path,
        )
      for (const client of [opaque, bearer, sliding]) {
        await refused(client, 'GET', '/account/whoami')
        await refused(client, 'GET', '/sync')
        await refused(client, 'POST', path, {})
      }
      const nobody = new Client(server.url)
      await refused(nobody, 'POST', '/refresh', { refresh_token: refreshing.refresh_token })
      await refused(nobody, 'POST', '/login', { type: 'm.login.token', token: loginToken.login_token })
      await refused(nobody, 'POST', '/login', { type: 'org.matrix.login.jwt', token: tokenOf(sub) })
      nobody.token = tokenOf(sub, { sid: `t-${how}` })
      await refused(nobody, 'GET', '/account/whoami')
      for (const { status, body } of await waiting) {
        // That devices are gone is news, and may be told before the session is looked at.
        if (how === 'lock')
          assert.deepEqual([status, body['errcode'], body['soft_logout']], [401, 'M_USER_LOCKED', true])
        else assert.ok(status === 401 || status === 200)
      }
      const took = performance.now() - start
      assert.ok(took < 5000, `${Math.round(took)} ms`)
    }
  },
)

scene(
  'whoever is not the provider learns nothing, and what makes no sense is refused as SCIM does',
  {},
  async ({ server, scim, done, patch, said }) => {
    for (const headers of [
      { authorization: '' },
      { authorization: 'Bearer wrong' },
      { authorization: `Basic ${token}` },
      { authorization: `Bearer ${token}x` },
    ]) {
      const refused = await scim('GET', '/Users', undefined, headers)
      assert.deepEqual(refusalOf(refused), [401, undefined, true])
      assert.equal(refused.headers.get('www-authenticate'), 'Bearer')
    }
    const other = await fetch(`${server.url}/_latchkey/scim/v2/nobody/Users`, {
      headers: { authorization: `Bearer ${token}` },
    })
    assert.equal(other.status, 401)
    assert.deepEqual((await done('GET', '/ServiceProviderConfig'))['patch'], { supported: true })
    assert.deepEqual(
      ((await done('GET', '/ResourceTypes'))['Resources'] as Body[]).map((one) => one['id']),
      ['User', 'Group'],
    )
    assert.deepEqual(
      ((await done('GET', '/Schemas'))['Resources'] as Body[]).map((one) => one['id']),
      [user, group, enterprise],
    )
    assert.equal((await done('GET', `/Schemas/${user}`))['name'], 'User')
    const made = await scim('POST', '/Users', {
      ...ann,
      password: 'hunter2 hunter2',
      id: 'mine',
      groups: [{ value: 'x' }],
    })
    const id = idOf(made.body)
    assert.notEqual(id, 'mine')
    assert.ok(!JSON.stringify(await done('GET', `/Users/${id}`)).includes('hunter2'))
    assert.ok(!JSON.stringify(said).includes(token) && !JSON.stringify(said).includes('hunter2'))
    const cases: [unknown[], Scim][] = [
      [[409, 'uniqueness', true], await scim('POST', '/Users', ann)],
      [[409, 'uniqueness', true], await scim('POST', '/Users', { ...ann, userName: 'another@example.org' })],
      [[400, 'invalidValue', true], await scim('POST', '/Users', { schemas: [user] })],
      [[400, 'invalidValue', true], await scim('POST', '/Users', { userName: 7 })],
      [
        [400, 'invalidValue', true],
        await scim('POST', '/Users', { ...ann, externalId: 'z', userName: 'z', active: 'perhaps' }),
      ],
      [
        [400, 'invalidValue', true],
        await scim('POST', '/Users', { ...ann, externalId: 'z', userName: 'z', emails: 'z@example.org' }),
      ],
      [[400, 'invalidValue', true], await scim('POST', '/Users', { ...ann, externalId: 'z', userName: '_z' })],
      [[400, 'invalidSyntax', true], await scim('POST', '/Users', [])],
      [[400, 'noTarget', true], await patch(`/Users/${id}`, { op: 'remove' })],
      [
        [400, 'noTarget', true],
        await patch(`/Users/${id}`, { op: 'replace', path: 'emails[type eq "home"].value', value: 'x' }),
      ],
      [[400, 'mutability', true], await patch(`/Users/${id}`, { op: 'replace', path: 'id', value: 'x' })],
      [[400, 'invalidPath', true], await patch(`/Users/${id}`, { op: 'replace', path: 'emails[', value: 'x' })],
      [[400, 'invalidSyntax', true], await patch(`/Users/${id}`, { op: 'move', path: 'title' })],
      [[400, 'invalidSyntax', true], await patch(`/Users/${id}`)],
      [[400, 'invalidValue', true], await patch(`/Users/${id}`, { op: 'remove', path: 'userName' })],
      [[404, undefined, true], await scim('GET', '/Users/nobody')],
      [[404, undefined, true], await patch('/Users/nobody', { op: 'add', path: 'title', value: 'x' })],
      [[404, undefined, true], await scim('DELETE', '/Groups/nobody')],
      [[412, undefined, true], await scim('PUT', `/Users/${id}`, ann, { 'if-match': 'W/"9"' })],
    ]
    for (const [index, [wanted, answer]] of cases.entries())
      assert.deepEqual(refusalOf(answer), wanted, `case ${index}: ${JSON.stringify(answer.body)}`)
    const { version } = (await done('GET', `/Users/${id}`))['meta'] as { version: string }
    assert.equal((await scim('GET', `/Users/${id}`, undefined, { 'if-none-match': version })).status, 304)
    const replaced = await scim(
      'PUT',
      `/Users/${id}`,
      { schemas: [user], userName: ann.userName, externalId: 'a-1', title: 'Dr' },
      { 'if-match': version },
    )
    assert.deepEqual(
      [replaced.status, replaced.body['title'], replaced.body['displayName'], replaced.body['active']],
      [200, 'Dr', 'Ann', true],
      'what is left out stays',
    )
    const broken = await fetch(`${server.url}/_latchkey/scim/v2/corp/Users`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      body: '{',
    })
    assert.deepEqual([broken.status, ((await broken.json()) as Body)['scimType']], [400, 'invalidSyntax'])
  },
)

scene('a change never makes somebody else of a person', {}, async ({ server, scim, done, patch, signIn }) => {
  const id = idOf(await done('POST', '/Users', ann))
  const linksOf = async (name: string): Promise<string[]> => {
    const { nid } = (await server.users.findByLocalpart(name))!
    return (await server.identities.links.of(nid)).map(({ subject }) => subject)
  }
  assert.deepEqual(await linksOf('ann'), ['a-1'])
  const put = async (body: Body): Promise<Body> => {
    const { status, body: answer } = await scim('PUT', `/Users/${id}`, { schemas: [user], ...body })
    assert.equal(status, 200, JSON.stringify(answer))
    return answer
  }
  assert.equal((await put({ userName: 'ann@example.org', title: 'Dr' }))['externalId'], 'a-1')
  assert.deepEqual(await linksOf('ann'), ['a-1'], 'left out, it stays')
  assert.equal((await signIn('a-1')).userId, '@ann:test')
  // Taken away by its name it is gone from the resource, and the person is still who they were.
  assert.equal((await put({ userName: 'ann@example.org', externalId: null }))['externalId'], undefined)
  assert.equal((await put({ userName: 'anna@example.org' }))['externalId'], undefined)
  assert.equal((await patch(`/Users/${id}`, { op: 'remove', path: 'title' })).status, 200)
  assert.deepEqual(await linksOf('ann'), ['a-1'])
  assert.equal((await signIn('a-1')).userId, '@ann:test')
  // Said on purpose, it is another one.
  await put({ userName: 'anna@example.org', externalId: 'a-2' })
  assert.deepEqual(await linksOf('ann'), ['a-2'])

  // Whoever is known by the name is so for good, whatever comes after.
  const bob = idOf(await done('POST', '/Users', { schemas: [user], userName: 'bob@example.org' }))
  await scim('PUT', `/Users/${bob}`, { schemas: [user], userName: 'bob@example.org', externalId: 'b-7' })
  assert.deepEqual(await linksOf('bob'), ['bob@example.org'])
})

scene(
  "a name that is somebody else's stays theirs, and an account that signed in before is the same one",
  {},
  async ({ server, scim, done, signIn, patch }) => {
    await new Client(server.url).req('POST', '/register', {
      username: 'ann',
      password: 'a long password',
      auth: { type: 'm.login.dummy' },
    })
    assert.deepEqual(refusalOf(await scim('POST', '/Users', ann)), [409, 'uniqueness', true])
    const other = new Client(server.url)
    await other.req('POST', '/login', {
      type: 'org.matrix.login.jwt',
      token: tokenOf('b-1', { preferred_username: 'bob' }),
    })
    const bob = await done('POST', '/Users', {
      ...ann,
      userName: 'robert@example.org',
      externalId: 'b-1',
      displayName: 'Bob',
    })
    assert.equal((await server.users.findByLocalpart('bob'))?.displayName, 'Bob')
    assert.equal(await server.users.findByLocalpart('robert'), undefined)
    // Another subject, the same account.
    assert.equal((await patch(`/Users/${idOf(bob)}`, { op: 'replace', path: 'externalId', value: 'b-2' })).status, 200)
    assert.equal((await signIn('b-2')).userId, '@bob:test')
    // A lock of an administrator is not the provider's to undo.
    const account = await server.users.findByLocalpart('bob')
    assert.ok(account)
    await server.users.setLocked(account.nid, true)
    const setActive = async (active: boolean): Promise<boolean | undefined> => {
      assert.equal((await patch(`/Users/${idOf(bob)}`, { op: 'replace', path: 'active', value: active })).status, 200)
      return (await server.users.account(account.nid))?.locked
    }
    assert.equal(await setActive(false), true)
    assert.equal(await setActive(true), true)
    // Nor is one that came after the provider's own.
    const registered = await new Client(server.url).req<{ access_token: string }>('POST', '/register', {
      username: 'admin',
      password: 'a long password',
      auth: { type: 'm.login.dummy' },
    })
    const admin = Object.assign(new Client(server.url), { token: registered.access_token })
    await server.users.setAdmin((await server.users.findByLocalpart('admin'))?.nid ?? 0, true)
    const lock = (locked: boolean): Promise<unknown> =>
      admin.req('PUT', `/_matrix/client/v1/admin/lock/${encodeURIComponent('@bob:test')}`, { locked })
    await lock(false)
    assert.equal(await setActive(false), true)
    await lock(true)
    assert.equal(await setActive(true), true)
    await lock(false)
    assert.equal(await setActive(false), true)
    assert.equal(await setActive(true), false)
  },
)

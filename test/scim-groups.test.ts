// The groups and the lists of an identity provider that manages accounts here by SCIM, on a whole server.
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { type Body, Client } from './harness/client.ts'
import { user, group, scene, idOf, until, refusalOf } from './harness/scim.ts'

scene('whoever a group brings in has its power from the first moment, however many come at once', {}, async (world) => {
  const { server, done } = world
  const boss = new Client(server.url)
  const account = { username: 'boss', password: 'a long password', auth: { type: 'm.login.dummy' } }
  boss.token = (await boss.req<{ access_token: string }>('POST', '/register', account)).access_token
  const room = `/rooms/${encodeURIComponent(await boss.createRoom({ room_alias_name: 'staff' }))}`
  const names = Array.from({ length: 8 }, (_, index) => `user${index}`)
  const made = await Promise.all(
    names.map((name) => done('POST', '/Users', { schemas: [user], externalId: name, userName: `${name}@example.org` })),
  )
  const members = made.map((one) => ({ value: idOf(one) }))
  await done('POST', '/Groups', { schemas: [group], displayName: 'staff', externalId: 'g-1', members })
  await until('all are in the room, with power', async () => {
    const seen = Object.keys((await boss.req<{ joined: Body }>('GET', `${room}/joined_members`)).joined)
    const { users } = await boss.req<{ users: Body }>('GET', `${room}/state/m.room.power_levels`)
    for (const one of seen) if (one !== '@boss:test') assert.equal(users[one], 50, one)
    return seen.length === names.length + 1
  })
})

scene(
  'groups bring people into rooms and out of them, in both dialects',
  {},
  async ({ server, done, scim, patch, signIn }) => {
    const boss = new Client(server.url)
    boss.token = (
      await boss.req<{ access_token: string }>('POST', '/register', {
        username: 'boss',
        password: 'a long password',
        auth: { type: 'm.login.dummy' },
      })
    ).access_token
    const room = await boss.createRoom({ room_alias_name: 'staff' })
    const ids: string[] = []
    for (const name of ['ann', 'bob', 'cyd'])
      ids.push(
        idOf(await done('POST', '/Users', { schemas: [user], externalId: name, userName: `${name}@example.org` })),
      )
    const [a = '', b = '', c = ''] = ids
    const inRoom = async (): Promise<string[]> =>
      Object.keys(
        (await boss.req<{ joined: Body }>('GET', `/rooms/${encodeURIComponent(room)}/joined_members`)).joined,
      ).sort()
    const members = (...names: string[]): Promise<void> =>
      until(
        names.join(),
        async () =>
          (await inRoom()).join() ===
          ['boss', ...names]
            .map((name) => `@${name}:test`)
            .sort()
            .join(),
      )

    const staff = await done('POST', '/Groups', {
      schemas: [group],
      displayName: 'staff',
      externalId: 'g-1',
      members: [{ value: a }],
    })
    const path = `/Groups/${idOf(staff)}`
    await members('ann')
    const power = await boss.req<{ users: Record<string, number> }>(
      'GET',
      `/rooms/${encodeURIComponent(room)}/state/m.room.power_levels`,
    )
    assert.equal(power.users['@ann:test'], 50)
    assert.deepEqual((await done('GET', `/Users/${a}`))['groups'], [
      { value: idOf(staff), display: 'staff', $ref: `/_latchkey/scim/v2/corp/Groups/${idOf(staff)}`, type: 'direct' },
    ])
    // Entra ID, then Okta.
    assert.equal((await patch(path, { op: 'Add', path: 'members', value: [{ value: b }] })).status, 204)
    await members('ann', 'bob')
    assert.equal((await patch(path, { op: 'Remove', path: 'members', value: [{ value: a }] })).status, 204)
    await members('bob')
    assert.equal(
      (
        await patch(
          path,
          { op: 'add', path: 'members', value: [{ value: c, display: 'cyd@example.org' }] },
          { op: 'remove', path: `members[value eq "${b}"]` },
        )
      ).status,
      204,
    )
    await members('cyd')
    // Whoever signs in stays in, although their token knows of no groups.
    await signIn('cyd')
    await delay(100)
    await members('cyd')
    assert.equal((await patch(path, { op: 'replace', value: { id: idOf(staff), displayName: 'others' } })).status, 204)
    await members()
    assert.equal(
      (await scim('PUT', path, { schemas: [group], displayName: 'staff', members: [{ value: a }, { value: b }] }))
        .status,
      200,
    )
    await members('ann', 'bob')
    assert.equal((await scim('PUT', path, { schemas: [group], displayName: 'staff', externalId: 'g-1' })).status, 200)
    await members('ann', 'bob')
    assert.deepEqual((await done('GET', `${path}?excludedAttributes=members`))['members'], undefined)
    assert.deepEqual(
      ((await done('GET', path))['members'] as Body[]).map((one) => String(one['value'])).sort(),
      [a, b].sort(),
    )
    assert.deepEqual(refusalOf(await patch(path, { op: 'add', path: 'members', value: [{ value: 'nobody' }] })), [
      400,
      'invalidValue',
      true,
    ])
    const find = async (filter: string): Promise<unknown[]> =>
      ((await done('GET', `/Groups?filter=${encodeURIComponent(filter)}`))['Resources'] as Body[]).map(
        (one) => one['displayName'],
      )
    assert.deepEqual(await find('displayName eq "STAFF"'), ['staff'])
    assert.deepEqual(await find(`members.value eq "${a}"`), ['staff'])
    assert.deepEqual(await find(`members[value eq "${c}"]`), [])
    // Who is gone is out of the group, and a group that is gone has no rooms.
    await done('DELETE', `/Users/${b}`)
    await members('ann')
    assert.equal((await scim('DELETE', path)).status, 204)
    await members()
    assert.equal((await scim('GET', path)).status, 404)
  },
)

scene('lists are filtered, paged, and cut to what is asked for', {}, async ({ done, scim }) => {
  for (let i = 1; i <= 5; i++) {
    await done('POST', '/Users', {
      schemas: [user],
      externalId: `x${i}`,
      userName: `user${i}@example.org`,
      displayName: `User ${i}`,
      title: i % 2 ? 'odd' : 'even',
      active: i !== 5,
      emails: [{ value: `u${i}@example.org`, type: 'work' }],
    })
  }
  const names = async (filter: string): Promise<string[]> =>
    ((await done('GET', `/Users?filter=${encodeURIComponent(filter)}`))['Resources'] as Body[])
      .map((one) => String(one['userName']).slice(4, 5))
      .sort()
  assert.deepEqual(await names('externalId eq "x3"'), ['3'])
  assert.deepEqual(await names('externalId eq "X3"'), [], 'its letter case counts')
  assert.deepEqual(await names('active eq false'), ['5'])
  assert.deepEqual(await names('title eq "odd" and active eq true'), ['1', '3'])
  assert.deepEqual(await names('userName eq "user1@example.org" or (title eq "even" and not (displayName co "2"))'), [
    '1',
    '4',
  ])
  assert.deepEqual(await names('emails[type eq "work" and value sw "u2"]'), ['2'])
  assert.deepEqual(await names('emails.value ew "4@example.org"'), ['4'])
  assert.deepEqual(await names('nickName pr'), [])
  assert.deepEqual(await names(`${user}:userName sw "USER" and meta.lastModified gt "2020-01-01T00:00:00Z"`), [
    '1',
    '2',
    '3',
    '4',
    '5',
  ])
  const first = await done('GET', '/Users?startIndex=1&count=2&attributes=userName')
  const second = await done('GET', '/Users?startIndex=3&count=2')
  assert.deepEqual(
    [first['totalResults'], first['itemsPerPage'], second['startIndex'], second['itemsPerPage']],
    [5, 2, 3, 2],
  )
  assert.deepEqual(Object.keys((first['Resources'] as Body[])[0] ?? {}).sort(), ['id', 'schemas', 'userName'])
  assert.equal((await done('GET', '/Users?count=0'))['totalResults'], 5)
  const [one] = (
    await done('GET', '/Users?filter=externalId%20eq%20%22x1%22&excludedAttributes=emails,meta.created,id')
  )['Resources'] as [Body]
  assert.deepEqual([one['emails'], 'created' in (one['meta'] as Body), 'id' in one], [undefined, false, true])
  for (const filter of [
    'userName',
    'userName eq',
    'eq "x"',
    'userName eq "x',
    '(userName eq "x"',
    'userName is "x"',
    'a b c d',
    '('.repeat(100),
  ]) {
    assert.deepEqual(
      refusalOf(await scim('GET', `/Users?filter=${encodeURIComponent(filter)}`)),
      [400, 'invalidFilter', true],
      filter,
    )
  }
})

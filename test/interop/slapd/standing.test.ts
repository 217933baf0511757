// What becomes of accounts whose entries in a directory change and go.
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { test } from 'node:test'
import type { Body, Client } from '../../harness/client.ts'
import { databases } from '../../harness/postgres.ts'
import { dnOf, person, replace, service, suffix } from './slapd.ts'
import { skip, search, withServer, outcome, wrong, until, accountOf, slapd } from './fixture.ts'

for (const kind of databases)
  test(
    `whoever goes from the directory is locked, comes back unlocked, and nothing happens while it cannot be asked (${kind.name})`,
    { skip },
    async () => {
      const { url: database, dispose } = await kind.open()
      await slapd.change((client) => client.add(dnOf('dora'), person('dora')))
      await withServer(
        search({ poll_interval: '1m', filter: '(&(objectClass=person)(!(employeeType=gone)))' }),
        { database },
        async (world) => {
          const [ann, dora] = [await world.client('ann'), await world.client('dora')]
          /** Moves the clock, and waits until the directory has been looked at. */
          const look = async (): Promise<void> => {
            const count = (): number =>
              slapd.binds().filter((dn) => dn === service.dn).length +
              world.said.filter(({ msg }) => String(msg).startsWith('a directory could not be asked who')).length
            const before = count()
            world.clock.now += 61_000
            await until('a look at the directory', () => count() > before)
            await delay(150)
          }
          const state = async (client: Client): Promise<string> => {
            const { status, body } = await client.ask<{ errcode?: string }>('GET', '/account/whoami')
            return `${status} ${body.errcode ?? ''}`.trim()
          }
          await look()
          assert.deepEqual([await state(ann), await state(dora)], ['200', '200'])

          await slapd.change((client) => client.del(dnOf('dora')))
          await look()
          await until('dora is locked', async () => (await state(dora)) === '401 M_USER_LOCKED')
          assert.equal(await state(ann), '200')
          assert.equal(outcome(await world.login('dora', 'password of dora')), wrong)

          await slapd.stop()
          await look()
          await look()
          assert.equal(await state(ann), '200')
          await slapd.start()

          // Who does not fit the filter is gone as well.
          await slapd.change((client) => replace(client, dnOf('ann'), 'employeeType', ['gone']))
          await look()
          await until('ann is locked', async () => (await state(ann)) === '401 M_USER_LOCKED')
          await slapd.change((client) => replace(client, dnOf('ann'), 'employeeType', []))
          await look()
          await until('ann is back', async () => (await state(ann)) === '200')

          // Another entry of the same name is another person.
          await slapd.change((client) => client.add(dnOf('dora'), person('dora')))
          await look()
          assert.equal(await state(dora), '401 M_USER_LOCKED')
          assert.equal((await world.login('dora', 'password of dora')).body['code'], 'name_taken')

          // What an administrator has locked stays so.
          const { nid } = await accountOf(world, 'ann')
          await world.server.users.setLocked(nid, true)
          await look()
          assert.equal(await state(ann), '401 M_USER_LOCKED')
          assert.match(outcome(await world.login('ann', 'password of ann')), /^401 M_USER_LOCKED/)
        },
      )
      await slapd.change((client) => client.del(dnOf('dora')))
      await dispose()
    },
  )

test('whoever is back can sign in at once, and a directory that lists nobody is not believed', { skip }, async () => {
  await withServer(search({ poll_interval: '1m' }), {}, async (world) => {
    await world.client('ann')
    const { nid } = await accountOf(world, 'ann')
    await slapd.change((client) => replace(client, dnOf('ann'), 'objectClass', ['inetOrgPerson']))
    // The service may not see anybody: the directory answers, with nobody.
    await slapd.change((client) => client.modifyDN(`ou=people,${suffix}`, 'ou=moved'))
    await slapd.change((client) =>
      client.add(`ou=people,${suffix}`, { objectClass: 'organizationalUnit', ou: 'people' }),
    )
    try {
      world.clock.now += 61_000
      await until('it is said', () =>
        world.said.some(({ msg }) => msg === 'a directory is not believed: nobody is locked'),
      )
      assert.equal((await accountOf(world, 'ann')).locked, false)
    } finally {
      await slapd.change((client) => client.del(`ou=people,${suffix}`))
      await slapd.change((client) => client.modifyDN(`ou=moved,${suffix}`, 'ou=people'))
    }
    assert.equal((await world.server.users.account(nid))?.locked, false)
    assert.equal(
      outcome(await world.login('ann', 'password of ann')),
      '@ann:one.test',
      'the entry is the same, wherever it was',
    )
  })
})

test('an account can be deactivated when its entry goes', { skip }, async () => {
  await slapd.change((client) => client.add(dnOf('emil'), person('emil')))
  await withServer(search({ poll_interval: '1m', when_gone: 'deactivate' }), {}, async (world) => {
    await world.client('ann')
    const emil = await world.client('emil')
    await slapd.change((client) => client.del(dnOf('emil')))
    world.clock.now += 61_000
    await until('he is gone', async () => (await accountOf(world, 'emil')).deactivated)
    assert.equal(await emil.refusal('GET', '/account/whoami'), '401 M_UNKNOWN_TOKEN')
    assert.equal((await accountOf(world, 'ann')).deactivated, false)
  })
})

test(
  'whom the provider has put out by SCIM is not let in again because the entry is still there',
  { skip },
  async () => {
    const token = 'the-token-of-the-provider,-which-is-long-enough'
    await withServer(search({ poll_interval: '1m', scim: { token } }), {}, async (world) => {
      const ann = await world.client('ann')
      const { nid } = await accountOf(world, 'ann')
      const [link] = await world.server.identities.links.of(nid)
      const scim = async (method: string, path: string, body: Body): Promise<Body> => {
        const answer = await fetch(`${world.server.url}/_latchkey/scim/v2/corp${path}`, {
          method,
          headers: { authorization: `Bearer ${token}` },
          body: JSON.stringify(body),
        })
        assert.ok(answer.ok, `${answer.status}`)
        return (await answer.json()) as Body
      }
      const { id } = await scim('POST', '/Users', { userName: 'ann', externalId: link?.subject, active: false })
      assert.equal(await ann.refusal('GET', '/account/whoami'), '401 M_USER_LOCKED')
      const before = slapd.binds().length
      world.clock.now += 61_000
      await until('a look at the directory', () => slapd.binds().length > before)
      await delay(200)
      assert.equal(await ann.refusal('GET', '/account/whoami'), '401 M_USER_LOCKED')
      assert.match(outcome(await world.login('ann', 'password of ann')), /^401 M_USER_LOCKED/)
      await scim('PATCH', `/Users/${String(id)}`, { Operations: [{ op: 'replace', path: 'active', value: true }] })
      await ann.req('GET', '/account/whoami')
    })
  },
)

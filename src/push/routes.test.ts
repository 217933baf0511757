import assert from 'node:assert/strict'
import { test } from 'node:test'
import { databases } from '../../test/harness/postgres.ts'
import { mount, sessionOf, type Mounted } from '../../test/harness/routes.ts'
import type { PushRule, Ruleset } from '../matrix/push-rules/index.ts'
import { openStage, type Stage } from './fixture.test.ts'
import { openPushRules, pushRulesRoutes, withPushRules } from './index.ts'

interface World extends Stage, Mounted {
  alice: number
}

const over = (name: string, body: (world: World) => Promise<void>): void => {
  for (const kind of databases) {
    test(`${name} (${kind.name})`, async () => {
      const { url, dispose } = await kind.open()
      {
        await using stage = await openStage(url)
        const [alice, bob] = [await stage.person('alice'), await stage.person('bob')]
        await using http = mount(pushRulesRoutes(stage), {
          alice: sessionOf(alice.nid, alice.userId),
          bob: sessionOf(bob.nid, bob.userId),
        })
        await body({ ...stage, ...http, alice: alice.nid })
        assert.deepEqual(http.errors, [])
      }
      await dispose()
    })
  }
}

const rule = (kind: string, id: string): string => `/pushrules/global/${kind}/${encodeURIComponent(id)}`
const ids = (rules: readonly PushRule[]): string[] => rules.map((one) => one.rule_id)

over(
  'the default rules are there from the beginning, with and without a slash at the end',
  async ({ ask, outcome }) => {
    const { body } = await ask('alice', 'GET', '/pushrules/')
    const global = body['global'] as Ruleset
    assert.equal(global.override[0]?.rule_id, '.m.rule.master')
    assert.deepEqual(ids(global.underride).slice(-2), ['.m.rule.message', '.m.rule.encrypted'])
    assert.match(JSON.stringify(global.override), /@alice:one\.test/)
    for (const path of ['/pushrules', '/_matrix/client/r0/pushrules/'])
      assert.deepEqual((await ask('alice', 'GET', path)).body, body)
    for (const path of ['/pushrules/global/', '/pushrules/global'])
      assert.deepEqual((await ask('alice', 'GET', path)).body, global)
    for (const path of ['/pushrules/global/content', '/_matrix/client/r0/pushrules/global/content/'])
      assert.deepEqual((await ask('alice', 'GET', path)).body, global.content)
    for (const path of ['/pushrules/global/nonsense', rule('nonsense', 'x'), `${rule('nonsense', 'x')}/enabled`])
      assert.equal(await outcome('alice', 'GET', path), '404 M_NOT_FOUND', path)
    assert.equal(await outcome('alice', 'DELETE', rule('nonsense', 'x')), '404 M_NOT_FOUND')
  },
)

over('a rule is made, read, replaced, switched, given other actions and deleted', async ({ ask, outcome }) => {
  const path = rule('content', 'cake')
  assert.equal(await outcome('alice', 'PUT', path, { pattern: 'cake*lie', actions: ['notify'] }), '200')
  assert.deepEqual((await ask('alice', 'GET', path)).body, {
    rule_id: 'cake',
    default: false,
    enabled: true,
    pattern: 'cake*lie',
    actions: ['notify'],
  })
  assert.equal(await outcome('bob', 'GET', path), '404 M_NOT_FOUND')
  assert.equal(await outcome('alice', 'PUT', `${path}/enabled`, { enabled: false }), '200')
  assert.equal(await outcome('alice', 'PUT', path, { pattern: 'pie', actions: [] }), '200')
  assert.deepEqual((await ask('alice', 'GET', `${path}/enabled`)).body, { enabled: false })
  assert.equal(
    await outcome('alice', 'PUT', `${path}/actions`, { actions: ['notify', { set_tweak: 'sound', value: 'ping' }] }),
    '200',
  )
  assert.deepEqual((await ask('alice', 'GET', `${path}/actions`)).body, {
    actions: ['notify', { set_tweak: 'sound', value: 'ping' }],
  })
  assert.equal(await outcome('alice', 'DELETE', path), '200')
  assert.equal(await outcome('alice', 'DELETE', path), '404 M_NOT_FOUND')
})

over('rules stand where they were put', async ({ ask, outcome }) => {
  const make = (id: string, query = '') =>
    outcome('alice', 'PUT', `${rule('override', id)}${query}`, { actions: [], conditions: [] })
  assert.equal(await make('b'), '200')
  assert.equal(await make('a'), '200')
  assert.equal(await make('c', '?after=b'), '200')
  assert.equal(await make('z', '?before=b'), '200')
  assert.equal(await make('q', '?after=nobody'), '400 M_UNKNOWN')
  const { body } = await ask('alice', 'GET', '/pushrules/global/')
  assert.deepEqual(ids((body as unknown as Ruleset).override).slice(0, 5), ['.m.rule.master', 'a', 'z', 'b', 'c'])
})

over('a default rule can be switched and given other actions, but not deleted or made', async ({ ask, outcome }) => {
  const path = rule('underride', '.m.rule.message')
  assert.equal(await outcome('alice', 'PUT', `${path}/enabled`, { enabled: false }), '200')
  assert.equal(await outcome('alice', 'PUT', `${path}/actions`, { actions: [] }), '200')
  const { body } = await ask('alice', 'GET', path)
  assert.deepEqual([body['default'], body['enabled'], body['actions']], [true, false, []])
  assert.equal(await outcome('alice', 'DELETE', path), '400 M_INVALID_PARAM')
  assert.equal(await outcome('alice', 'PUT', path, { actions: [], conditions: [] }), '400 M_INVALID_PARAM')
})

over('what is no rule is refused', async ({ outcome }) => {
  const cases: Array<[path: string, body: unknown, answer: string]> = [
    [rule('content', 'x'), { actions: ['notify'] }, '400 M_MISSING_PARAM'],
    [rule('content', 'x'), { pattern: 'x' }, '400 M_MISSING_PARAM'],
    [rule('content', 'x'), { pattern: 7, actions: [] }, '400 M_BAD_JSON'],
    [rule('nonsense', 'x'), { actions: [] }, '400 M_INVALID_PARAM'],
    [rule('content', 'a/b'), { pattern: 'x', actions: [] }, '400 M_INVALID_PARAM'],
    [`${rule('content', 'x')}/enabled`, { enabled: true }, '404 M_NOT_FOUND'],
    [`${rule('content', 'x')}/enabled`, { enabled: 'true' }, '400 M_BAD_JSON'],
    [`${rule('content', 'x')}/actions`, {}, '400 M_MISSING_PARAM'],
    [`${rule('underride', '.m.rule.message')}/actions`, { actions: ['explode'] }, '400 M_INVALID_PARAM'],
  ]
  for (const [path, body, answer] of cases)
    assert.equal(await outcome('alice', 'PUT', path, body), answer, `${path} ${JSON.stringify(body)}`)
  assert.equal(await outcome(undefined, 'GET', '/pushrules/'), '401 M_MISSING_TOKEN')
})

over('every change is told to the user, and the rules outlive a restart', async (world) => {
  const { outcome, log, alice, rules, users, database } = world
  const since = log.publish({ kind: 'typing', wake: [] })
  using watch = log.watch(alice)
  assert.equal(await outcome('alice', 'PUT', rule('sender', '@spam:one.test'), { actions: [] }), '200')
  await watch.wait(60_000)
  const told = await withPushRules(rules, await users.accountData.since(alice, since, log.now), alice, since, log.now)
  assert.deepEqual(
    told.map(({ type, content }) => ({ type, content })),
    [{ type: 'm.push_rules', content: await rules.content(alice) }],
  )
  const position = log.now
  assert.equal(await outcome('alice', 'PUT', rule('sender', '@spam:one.test'), { actions: [] }), '200')
  assert.equal(log.now, position, 'nothing changed')

  const later = openPushRules({ database, log, users })
  assert.equal(await later.position(alice), position)
  assert.deepEqual(await later.content(alice), await rules.content(alice))
  for (const [from, to, expected] of [
    [0, log.now, 1],
    [since, log.now, 1],
    [position, log.now, 0],
    [since, position - 1, 0],
  ] as const) {
    assert.equal((await withPushRules(later, [], alice, from, to)).length, expected, `${from} to ${to}`)
  }
})

over('changes that come at once are all made', async ({ outcome, rules, alice }) => {
  const made = await Promise.all(
    Array.from({ length: 30 }, (_, index) =>
      outcome('alice', 'PUT', rule('content', `r${index}`), { pattern: 'x', actions: [] }),
    ),
  )
  assert.ok(made.every((answer) => answer === '200'))
  assert.equal((await rules.ruleset(alice)).content.length, 30)
})

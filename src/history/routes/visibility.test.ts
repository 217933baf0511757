// SECURITY-CASES 24 to 29 and 40: every way to read a room, by its history visibility and by how the reader stands to it.
import assert from 'node:assert/strict'
import { idOf, over, path, type Name, type Shown, type World } from '../../../test/harness/rooms.ts'

/** Four messages; between them bob is invited, bob joins, dave leaves and grace is banned. */
const steps = [0, 1, 2, 3] as const
type Step = (typeof steps)[number]

const all: readonly Step[] = steps
const none: readonly Step[] = []
const beforeLeaving: readonly Step[] = [0, 1, 2]

/** Who sees which messages. `never`: not even the room. */
const expected: Record<string, Record<Name, readonly Step[]>> = {
  world_readable: { alice: all, carol: all, bob: all, dave: all, grace: all, erin: all, frank: all },
  shared: { alice: all, carol: all, bob: all, dave: beforeLeaving, grace: beforeLeaving, erin: none, frank: none },
  invited: {
    alice: all,
    carol: all,
    bob: [1, 2, 3],
    dave: beforeLeaving,
    grace: beforeLeaving,
    erin: none,
    frank: none,
  },
  joined: { alice: all, carol: all, bob: [2, 3], dave: beforeLeaving, grace: beforeLeaving, erin: none, frank: none },
}

const left: readonly Name[] = ['dave', 'grace']
const outside: readonly Name[] = ['erin', 'frank']

interface Told {
  events: string[]
  replies: string[]
  roomId: string
  at: string
}

async function tell(world: World, visibility: string): Promise<Told> {
  world.clock.now = 1_000_000
  const roomId = await world.create('alice', {
    preset: 'public_chat',
    topic: 'early',
    initial_state: [{ type: 'm.room.history_visibility', content: { history_visibility: visibility } }],
  })
  for (const name of ['carol', 'dave', 'grace'] as const) await world.act(name, roomId, 'join')
  const [events, replies]: [string[], string[]] = [[], []]
  let at = ''
  for (const step of steps) {
    world.clock.now += 1000
    const id = await world.send('alice', roomId, `secret ${step}.`)
    events.push(id)
    world.clock.now += 1
    replies.push(
      await world.send('alice', roomId, {
        msgtype: 'm.text',
        body: `secret ${step}. in a thread`,
        'm.relates_to': { rel_type: 'm.thread', event_id: id },
      }),
    )
    if (step === 0) {
      at = String(world.log.now)
      await world.on('alice', roomId, 'invite', 'bob')
      await world.on('alice', roomId, 'invite', 'erin')
    }
    if (step === 1) await world.act('bob', roomId, 'join')
    if (step === 2) {
      await world.act('dave', roomId, 'leave')
      await world.on('alice', roomId, 'ban', 'grace')
    }
  }
  await world.state('alice', roomId, 'm.room.topic', { topic: 'late' })
  return { events, replies, roomId, at }
}

const stepsIn = (answer: unknown): Step[] => {
  const text = JSON.stringify(answer)
  return steps.filter((step) => text.includes(`secret ${step}.`))
}

for (const [visibility, readers] of Object.entries(expected)) {
  over(
    `in a room that is ${visibility}, each reads by every endpoint what is theirs to read and no more`,
    async (world) => {
      const { events, replies, roomId, at } = await tell(world, visibility)
      const entries = Object.entries(readers) as Array<[Name, readonly Step[]]>
      for (const [name, seen] of entries) {
        const mayEnter = !outside.includes(name) || visibility === 'world_readable'
        const ask = (rest: string, version?: string) => world.ask(name, 'GET', path(roomId, rest, version))
        const entering = async (rest: string, version?: string): Promise<Record<string, unknown> | undefined> => {
          const { status, body } = await ask(rest, version)
          assert.deepEqual(
            [status, body['errcode']],
            mayEnter ? [200, undefined] : [403, 'M_FORBIDDEN'],
            `${name} ${rest}`,
          )
          return mayEnter ? body : undefined
        }
        for (const dir of ['b', 'f']) {
          const body = await entering(`/messages?dir=${dir}&limit=100`)
          if (body) assert.deepEqual(stepsIn(body), seen, `${name} /messages ${dir}`)
        }
        const threads = await entering('/threads', 'v1')
        if (threads)
          assert.deepEqual(
            (threads['chunk'] as Shown[]).map((root) => events.indexOf(root.event_id)).toReversed(),
            seen,
            `${name} /threads`,
          )

        for (const step of steps) {
          const [event, reply] = [events[step] ?? '', replies[step] ?? '']
          const isSeen = seen.includes(step)
          const found = await ask(`/event/${event}`)
          assert.equal(found.status, isSeen ? 200 : 404, `${name} /event ${step}`)
          const relations = await ask(`/relations/${event}`, 'v1')
          assert.equal(relations.status, isSeen ? 200 : 404, `${name} /relations ${step}`)
          if (isSeen)
            assert.deepEqual(
              (relations.body['chunk'] as Shown[]).map((one) => one.event_id),
              [reply],
            )
          const context = await ask(`/context/${event}?limit=100`)
          assert.equal(context.status, isSeen ? 200 : mayEnter ? 404 : 403, `${name} /context ${step}`)
          assert.deepEqual(stepsIn(context.body), isSeen ? seen : [], `${name} /context ${step}`)
          const near = await ask(`/timestamp_to_event?dir=f&ts=${1_000_000 + (step + 1) * 1000}`, 'v1')
          assert.equal(
            near.status,
            !mayEnter ? 403 : seen.some((other) => other >= step) ? 200 : 404,
            `${name} timestamp ${step}`,
          )
          if (isSeen) assert.equal(near.body['event_id'], event)
        }

        const topic = await entering('/state/m.room.topic')
        if (topic) assert.equal(topic['topic'], left.includes(name) ? 'early' : 'late', name)
        const state = await entering('/state')
        if (state) {
          const list = Object.values(state) as Shown[]
          assert.equal(
            list.find((one) => one.type === 'm.room.topic')?.content['topic'],
            left.includes(name) ? 'early' : 'late',
          )
          const mine = list.find((one) => one.state_key === idOf(name))?.content['membership']
          assert.equal(
            mine,
            name === 'frank'
              ? undefined
              : name === 'dave'
                ? 'leave'
                : name === 'grace'
                  ? 'ban'
                  : name === 'erin'
                    ? 'invite'
                    : 'join',
          )
        }
        await entering('/members')
        const then = await ask(`/members?at=${at}`)
        assert.equal(then.status, mayEnter && seen.includes(0) ? 200 : 403, `${name} /members at`)
        if (then.status === 200) assert.ok(!JSON.stringify(then.body).includes(idOf('bob')))
        const joined = await ask('/joined_members')
        assert.equal(joined.status, outside.includes(name) || left.includes(name) ? 403 : 200)
      }
    },
  )
}

over('where one may not look, nothing tells a room that is there from one that is not', async (world) => {
  for (const visibility of ['shared', 'invited', 'joined']) {
    const { events, roomId, at } = await tell(world, visibility)
    const event = events[0] ?? ''
    const missing = `!${'x'.repeat(43)}`
    const noEvent = `$${'y'.repeat(43)}`
    const rests: Array<[string, string?]> = [
      ['/messages?dir=b'],
      [`/messages?dir=f&from=${at}`],
      [`/context/${event}`],
      [`/event/${event}`],
      ['/members'],
      [`/members?at=${at}`],
      ['/joined_members'],
      ['/state'],
      ['/state/m.room.topic'],
      ['/state/m.room.topic/'],
      ['/state/m.room.member/@alice:one.test?format=event'],
      ['/threads', 'v1'],
      ['/timestamp_to_event?dir=f&ts=0', 'v1'],
      [`/relations/${event}`, 'v1'],
      [`/relations/${event}/m.thread/m.room.message?recurse=true`, 'v1'],
    ]
    for (const name of ['erin', 'frank'] as const) {
      for (const [rest, version] of rests) {
        const [there, notThere] = [
          await world.ask(name, 'GET', path(roomId, rest, version)),
          await world.ask(name, 'GET', path(missing, rest, version)),
        ]
        assert.ok(there.status >= 400, rest)
        assert.equal(
          JSON.stringify(there).replaceAll(roomId, '!'),
          JSON.stringify(notThere).replaceAll(missing, '!'),
          `${name} ${rest}`,
        )
      }
    }
    // The same for events: hidden ones, those of other rooms, and none at all.
    const other = await world.create('bob')
    const elsewhere = await world.send('bob', other)
    for (const [name, id] of [
      ['dave', events[3]],
      ['grace', events[3]],
      ['alice', elsewhere],
    ] as Array<[Name, string]>) {
      for (const [rest, version] of [
        ['/event/$'],
        ['/context/$'],
        ['/relations/$', 'v1'],
        ['/relations/$/m.thread?recurse=true', 'v1'],
      ] as Array<[string, string?]>) {
        const [hidden, none_] = await Promise.all(
          [id, noEvent].map((one) => world.ask(name, 'GET', path(roomId, rest.replace('$', one), version))),
        )
        assert.equal(hidden?.status, 404)
        assert.deepEqual(hidden, none_)
      }
    }
  }
})

over('a change of the history visibility counts from then on, for what is sent after it', async (world) => {
  const roomId = await world.create('alice', { preset: 'public_chat' })
  await world.act('carol', roomId, 'join')
  const set = (value: string): Promise<string> =>
    world.state('alice', roomId, 'm.room.history_visibility', { history_visibility: value })
  const shared = await world.send('alice', roomId)
  // Looked at before the change, so that what is remembered of the room has to be forgotten.
  assert.equal(await world.outcome('carol', 'GET', path(roomId, `/event/${shared}`)), '200')
  const toJoined = await set('joined')
  const hidden = await world.send('alice', roomId)
  const toWorld = await set('world_readable')
  const open = await world.send('alice', roomId)
  const back = await set('nonsense')
  const after = await world.send('alice', roomId)
  const see = async (name: Name): Promise<boolean[]> =>
    Promise.all(
      [shared, toJoined, hidden, toWorld, open, back, after].map(
        async (id) => (await world.outcome(name, 'GET', path(roomId, `/event/${id}`))) === '200',
      ),
    )
  assert.deepEqual(await see('bob'), [false, false, false, true, true, true, false])
  assert.deepEqual(await see('carol'), [true, true, true, true, true, true, true])
  await world.act('bob', roomId, 'join')
  assert.deepEqual(await see('bob'), [true, true, false, true, true, true, true])
  await world.act('bob', roomId, 'leave')
  const gone = await world.send('alice', roomId)
  assert.equal(await world.outcome('bob', 'GET', path(roomId, `/event/${gone}`)), '404 M_NOT_FOUND')
  assert.deepEqual(await see('bob'), [true, true, false, true, true, true, true])
})

over('who rejoins sees what was shared meanwhile, and who forgets a room sees nothing of it', async (world) => {
  const roomId = await world.create('alice', { preset: 'public_chat' })
  await world.act('bob', roomId, 'join')
  await world.act('bob', roomId, 'leave')
  const meanwhile = await world.send('alice', roomId)
  assert.equal(await world.outcome('bob', 'GET', path(roomId, `/event/${meanwhile}`)), '404 M_NOT_FOUND')
  await world.act('bob', roomId, 'join')
  assert.equal(await world.outcome('bob', 'GET', path(roomId, `/event/${meanwhile}`)), '200')
  await world.act('bob', roomId, 'leave')
  assert.equal(await world.outcome('bob', 'GET', path(roomId, '/messages?dir=b')), '200')
  await world.act('bob', roomId, 'forget')
  assert.equal(await world.outcome('bob', 'GET', path(roomId, '/messages?dir=b')), '403 M_FORBIDDEN')
  assert.equal(await world.outcome('bob', 'GET', path(roomId, '/state')), '403 M_FORBIDDEN')
})

over('an invitation that is turned down opens nothing', async (world) => {
  const roomId = await world.create('alice', {
    initial_state: [{ type: 'm.room.history_visibility', content: { history_visibility: 'invited' } }],
  })
  await world.on('alice', roomId, 'invite', 'bob')
  const sent = await world.send('alice', roomId)
  await world.act('bob', roomId, 'leave')
  await world.on('alice', roomId, 'ban', 'bob')
  for (const rest of ['/messages?dir=b', '/state', '/members', '/state/m.room.name']) {
    assert.equal(await world.outcome('bob', 'GET', path(roomId, rest)), '403 M_FORBIDDEN')
  }
  assert.equal(await world.outcome('bob', 'GET', path(roomId, `/event/${sent}`)), '404 M_NOT_FOUND')
})

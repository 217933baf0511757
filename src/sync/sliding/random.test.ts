// A client that only applies answers ends with what a client has that begins anew.
import assert from 'node:assert/strict'
import type { Client } from '../../../test/harness/client.ts'
import { over, Slider, type World } from './fixture.test.ts'

/** Numbers from 0 to below `limit`, the same ones for the same seed. */
const dice = (seed: number) => {
  let state = seed
  return (limit: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * limit)
  }
}

const required = [
  ['m.room.name', ''],
  ['m.room.topic', ''],
  ['m.room.member', '$ME'],
  ['m.room.member', '$LAZY'],
]
const limit = 4
const whole = { lists: { all: { ranges: [[0, 99]], timeline_limit: limit, required_state: required } } }

/** One thing that somebody does. What is not allowed is refused, and nothing happens. */
async function act(roll: (limit: number) => number, people: readonly Client[], rooms: string[]): Promise<void> {
  const who = people[roll(people.length)]
  const whom = people[roll(people.length)]
  const room = rooms[roll(rooms.length)]
  if (!who || !whom) return
  const path = `/rooms/${encodeURIComponent(room ?? '')}`
  const other = { user_id: whom.userId }
  const acts: Array<() => Promise<unknown>> = [
    async () => {
      if (rooms.length < 8)
        rooms.push(
          await who.createRoom({
            preset: roll(2) ? 'public_chat' : 'private_chat',
            invite: roll(2) && whom !== who ? [whom.userId] : [],
          }),
        )
    },
    () => who.ask('POST', `${path}/join`, {}),
    () => who.ask('POST', `${path}/join`, {}),
    () => who.ask('POST', `${path}/leave`, {}),
    () => who.ask('POST', `${path}/kick`, other),
    () => who.ask('POST', `${path}/ban`, other),
    () => who.ask('POST', `${path}/unban`, other),
    () => who.ask('POST', `${path}/invite`, other),
    () => who.ask('PUT', `${path}/state/m.room.name`, { name: roll(4) ? `name ${roll(100)}` : 7 }),
    () => who.ask('PUT', `${path}/state/m.room.topic`, { topic: `topic ${roll(100)}` }),
    () => who.ask('PUT', `${path}/state/m.room.avatar`, roll(3) ? { url: `mxc://test/${roll(100)}` } : {}),
    () => who.ask('PUT', `${path}/send/org.example.quiet/q${roll(1e9)}`, {}),
    () => who.ask('PUT', `/profile/${who.userId}/displayname`, { displayname: `name ${roll(100)}` }),
  ]
  const doing = acts[roll(2) ? roll(acts.length) : acts.length]
  if (doing) await doing()
  else
    await who.ask('PUT', `${path}/send/m.room.message/m${roll(1e9)}`, { msgtype: 'm.text', body: `says ${roll(1000)}` })
}

/** A request as a client makes them that scrolls and opens rooms; sometimes its answer is lost, and it is made again. */
async function look(roll: (limit: number) => number, slider: Slider, rooms: readonly string[]): Promise<void> {
  const room = rooms[roll(rooms.length)]
  const wish = {
    lists: {
      all: { ranges: [[0, roll(6)]], timeline_limit: 1 + roll(limit), required_state: required.slice(0, 3 + roll(2)) },
      ...(roll(3) === 0 && {
        quiet: {
          ranges: [[2, 4]],
          timeline_limit: 1,
          required_state: [['m.room.topic', '']],
          filters: { is_invite: false },
        },
      }),
    },
    ...(room !== undefined &&
      roll(3) === 0 && {
        room_subscriptions: { [room]: { timeline_limit: roll(limit + 3), required_state: [['*', '*']] } },
      }),
  }
  if (roll(4) === 0) await slider.peek(wish)
  await slider.sync(wish)
}

function known(slider: Slider, memberships: readonly string[]): Map<string, unknown> {
  const rooms = [...slider.rooms]
    .filter(([, room]) => memberships.includes(room.membership))
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return new Map(
    rooms.map(([id, room]) => [
      id,
      room.membership === 'invite'
        ? 'invite'
        : {
            membership: room.membership,
            name: room.name,
            avatar: room.avatar,
            bump: room.bump,
            timeline: room.timeline.slice(-limit),
            state: ['m.room.name ', 'm.room.topic ', `m.room.member ${slider.client.userId}`].map((place) =>
              room.state.get(place),
            ),
          },
    ]),
  )
}

async function play(world: World, seed: number): Promise<void> {
  const roll = dice(seed)
  const people = [await world.login(`alice${seed}`), await world.login(`bob${seed}`), await world.login(`carol${seed}`)]
  const [alice] = people
  assert.ok(alice)
  const rooms: string[] = []
  const slider = new Slider(alice)
  for (let step = 0; step < 150; step++) {
    await act(roll, people, rooms)
    if (roll(4) === 0) await look(roll, slider, rooms)
    if (roll(60) === 0) await world.restart()
  }
  await slider.sync(whole)
  const fresh = new Slider(alice, 'fresh')
  await fresh.sync(whole)
  assert.deepEqual(known(slider, ['join', 'invite']), known(fresh, ['join', 'invite']), `seed ${seed}`)
  const out = known(slider, ['leave', 'ban'])
  for (const [id, room] of known(fresh, ['leave', 'ban'])) assert.deepEqual(out.get(id), room, `seed ${seed}`)
  assert.deepEqual((await slider.sync(whole)).rooms, {})
}

over('a client that only applies answers ends with what a client has that begins anew', async (world) => {
  for (let seed = 1; seed <= 4; seed++) await play(world, seed)
})

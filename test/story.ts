// Two people and a room, from its making to the last log-out, through an unmodified client library.
import assert from 'node:assert/strict'
import { EventType, MsgType, NotificationCountType, Preset, RelationType, type MatrixEvent } from 'matrix-js-sdk'
import { Client } from './harness/client.ts'
import { enter, until, wholeTimeline, type Person } from './harness/person.ts'

const each = 200
const text = (body: string): { msgtype: MsgType.Text; body: string } => ({ msgtype: MsgType.Text, body })

/** `watcher` is a second device of Alice's that only looks on. */
interface Scene {
  url: string
  secret: string | undefined
  alice: Person
  bob: Person
  watcher: Person
  roomId: string
}

const eventOf = (person: Person, roomId: string, id: string): Promise<MatrixEvent> =>
  until(`${person.userId} sees ${id}`, () => person.room(roomId).findEventById(id))

const say = async (person: Person, roomId: string, body: string): Promise<string> =>
  (await person.client.sendEvent(roomId, EventType.RoomMessage, text(body))).event_id

let countings = 1

/** What the server itself counts as unread, as a sync from the start tells it. */
async function serverCounts(url: string, person: Person, roomId: string): Promise<{ room: number; threads: number[] }> {
  const raw = new Client(url)
  raw.token = person.client.getAccessToken() ?? undefined
  const filter = JSON.stringify({ room: { timeline: { limit: 1, unread_thread_notifications: true } } })
  // A timeout of its own for each request: a server may answer the same initial sync twice out of a cache.
  const room = (await raw.sync({ filter, timeout: countings++ })).rooms?.join?.[roomId]
  return {
    room: room?.unread_notifications?.notification_count ?? 0,
    threads: Object.values(room?.unread_thread_notifications ?? {}).map((counts) => counts.notification_count),
  }
}

async function meet(alice: Person, bob: Person): Promise<string> {
  const { room_id: roomId } = await alice.client.createRoom({ preset: Preset.PrivateChat, name: 'Two of us' })
  await alice.client.invite(roomId, bob.userId)
  await until('the invitation', () => bob.client.getRoom(roomId)?.getMyMembership() === 'invite')
  assert.equal(bob.room(roomId).name, 'Two of us', 'an invitation carries the name of the room')
  await bob.client.joinRoom(roomId)
  await until('alice sees bob', () => alice.room(roomId).getMember(bob.userId)?.membership === 'join')
  await until('bob is in', () => bob.room(roomId).getMyMembership() === 'join')
  return roomId
}

/** Both talk at once; in the end both have everything, once. (Their own messages stand where the library echoed them.) */
async function talk({ alice, bob, watcher, roomId }: Scene): Promise<void> {
  const all = async (person: Person, name: string): Promise<string[]> => {
    const ids: string[] = []
    for (let turn = 0; turn < each; turn++) ids.push(await say(person, roomId, `${name} ${turn}`))
    return ids
  }
  const sent = await Promise.all([all(alice, 'alice'), all(bob, 'bob')])
  for (const person of [alice, bob, watcher]) {
    for (const ids of sent) await eventOf(person, roomId, ids.at(-1) ?? '')
    const seen = (await wholeTimeline(person, roomId))
      .filter((event) => event.getType() === 'm.room.message')
      .map((event) => event.getId() ?? '')
    assert.equal(new Set(seen).size, seen.length, 'nothing is doubled')
    assert.deepEqual([...seen].sort(), sent.flat().sort(), 'nothing is lost')
    for (const ids of sent)
      assert.deepEqual(
        seen.filter((id) => ids.includes(id)),
        ids,
        'what one person says keeps its order',
      )
  }
}

async function editReactThreadRedact({ alice, bob, roomId }: Scene): Promise<void> {
  const id = await say(alice, roomId, 'a first versoin')
  await alice.client.sendEvent(roomId, EventType.RoomMessage, {
    ...text('* a second version'),
    'm.new_content': text('a second version'),
    'm.relates_to': { rel_type: RelationType.Replace, event_id: id },
  })
  const edited = await eventOf(bob, roomId, id)
  await until('the edit', () => edited.getContent()['body'] === 'a second version')

  await bob.client.sendEvent(roomId, EventType.Reaction, {
    'm.relates_to': { rel_type: RelationType.Annotation, event_id: id, key: '👍' },
  })
  const reactions = await until(
    'the reaction',
    () =>
      alice
        .room(roomId)
        .relations.getChildEventsForEvent(id, RelationType.Annotation, EventType.Reaction)
        ?.getSortedAnnotationsByKey()?.[0],
  )
  assert.equal(reactions[0], '👍')

  const { event_id: reply } = await bob.client.sendEvent(roomId, EventType.RoomMessage, {
    ...text('in a thread'),
    'm.relates_to': { rel_type: RelationType.Thread, event_id: id },
  })
  await until('the thread', () =>
    alice
      .room(roomId)
      .getThread(id)
      ?.events.some((event) => event.getId() === reply),
  )

  const regretted = await say(alice, roomId, 'something better left unsaid')
  const before = await eventOf(bob, roomId, regretted)
  await alice.client.redactEvent(roomId, regretted, undefined, { reason: 'regret' })
  await until('the redaction', () => before.isRedacted())
  assert.deepEqual(before.getContent(), {})
}

async function typing({ alice, bob, roomId }: Scene): Promise<void> {
  const seenTyping = (): boolean => alice.room(roomId).getMember(bob.userId)?.typing ?? false
  await bob.client.sendTyping(roomId, true, 20_000)
  await until('bob typing', seenTyping)
  await bob.client.sendTyping(roomId, false, 0)
  await until('bob no longer typing', () => !seenTyping())
}

/** Everything read, then three messages and one in a thread: counted, seen to be read, and back to zero. */
async function receipts({ url, alice, bob, roomId }: Scene): Promise<void> {
  const unread = (): number => alice.room(roomId).getRoomUnreadNotificationCount(NotificationCountType.Total)
  const read = async (id: string): Promise<void> => {
    await alice.client.sendReadReceipt(await eventOf(alice, roomId, id), undefined, true)
  }
  await read(await say(bob, roomId, 'read up to here'))
  await until('nothing unread', () => unread() === 0)
  await until('nothing unread on the server', async () => (await serverCounts(url, alice, roomId)).room === 0)

  const root = await say(alice, roomId, 'let us have a thread')
  await say(bob, roomId, 'one')
  await say(bob, roomId, 'two')
  const third = await say(bob, roomId, 'three')
  await until('three unread', () => unread() === 3)
  const { event_id: reply } = await bob.client.sendEvent(roomId, EventType.RoomMessage, {
    ...text('four'),
    'm.relates_to': { rel_type: RelationType.Thread, event_id: root },
  })
  const inThread = (): number => alice.room(roomId).getThreadUnreadNotificationCount(root, NotificationCountType.Total)
  await until('one unread in the thread', () => inThread() === 1)
  assert.deepEqual(await serverCounts(url, alice, roomId), { room: 3, threads: [1] })

  await read(third)
  await until('only the thread unread', () => unread() === 0 && inThread() === 1)
  await until('bob sees that alice has read', () => bob.room(roomId).hasUserReadEvent(alice.userId, third))
  await read(reply)
  await until('nothing unread again', () => unread() === 0 && inThread() === 0)
  assert.deepEqual(await serverCounts(url, alice, roomId), { room: 0, threads: [] })
}

/** Devices that have seen nothing yet page back to the room's creation, and find the order in which the watcher saw it happen. */
async function paginate({ url, secret, watcher, roomId }: Scene): Promise<void> {
  const idsOf = async (person: Person): Promise<(string | undefined)[]> =>
    (await wholeTimeline(person, roomId)).map((event) => event.getId())
  for (const name of ['alice', 'bob']) {
    const device = await enter(url, name, secret)
    const ids = await idsOf(device)
    assert.equal(new Set(ids).size, ids.length, 'no page repeats an event')
    assert.equal(device.room(roomId).getLiveTimeline().getEvents()[0]?.getType(), 'm.room.create')
    assert.deepEqual(ids, await idsOf(watcher), 'all see one order')
    assert.deepEqual(device.faults, [])
    await device.client.logout(true)
  }
}

async function leaveAndRejoin({ alice, bob, roomId }: Scene): Promise<void> {
  await bob.client.leave(roomId)
  await until('alice sees bob leave', () => alice.room(roomId).getMember(bob.userId)?.membership === 'leave')
  await assert.rejects(say(bob, roomId, 'from outside'), { errcode: 'M_FORBIDDEN' })
  const alone = await say(alice, roomId, 'talking to myself')
  await alice.client.invite(roomId, bob.userId)
  await until('the second invitation', () => bob.client.getRoom(roomId)?.getMyMembership() === 'invite')
  await bob.client.joinRoom(roomId)
  await until('bob is in again', () => bob.client.getRoom(roomId)?.getMyMembership() === 'join')
  const ids = (await wholeTimeline(bob, roomId)).map((event) => event.getId())
  assert.ok(ids.includes(alone), 'shared history shows what was said meanwhile')
  await eventOf(alice, roomId, await say(bob, roomId, 'back again'))
}

async function logOut({ url, alice, bob, watcher }: Scene): Promise<void> {
  for (const person of [watcher, alice, bob]) {
    const raw = new Client(url)
    raw.token = person.client.getAccessToken() ?? undefined
    await person.client.logout(true)
    assert.equal(await raw.refusal('GET', '/account/whoami'), '401 M_UNKNOWN_TOKEN')
  }
}

/** Plays the whole story on a server that signs users in by JWT; throws at the first thing that goes wrong. */
export async function story(url: string, secret?: string): Promise<void> {
  const people: Person[] = []
  try {
    for (const name of ['alice', 'bob', 'alice']) people.push(await enter(url, name, secret))
    const [alice, bob, watcher] = people
    assert.ok(alice && bob && watcher)
    const scene = { url, secret, alice, bob, watcher, roomId: await meet(alice, bob) }
    await talk(scene)
    await editReactThreadRedact(scene)
    await typing(scene)
    await receipts(scene)
    await paginate(scene)
    await leaveAndRejoin(scene)
    await logOut(scene)
    assert.deepEqual([...new Set(people.flatMap((person) => person.faults))], [])
  } finally {
    for (const person of people) person.stop()
  }
}

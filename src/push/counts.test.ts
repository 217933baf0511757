import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { databases } from '../../test/harness/postgres.ts'
import type { Room, StoredEvent } from '../events/index.ts'
import { openStage, type Stage, type Who } from './fixture.test.ts'
import type { Counts, NotificationCounts } from './index.ts'

const over = (name: string, body: (stage: Stage) => Promise<void>, kinds = databases): void => {
  for (const kind of kinds) {
    test(`${name} (${kind.name})`, async () => {
      const { url, dispose } = await kind.open()
      {
        await using stage = await openStage(url)
        await body(stage)
      }
      await dispose()
    })
  }
}

/** `3/1 t:2/0`: notifications and highlights outside of threads, then those of each thread. */
const brief = ({ main, threads, total }: Counts, names: Record<string, StoredEvent> = {}): string => {
  const inAll = [main, ...threads.values()].reduce((sum, one) => sum + one.notification, 0)
  assert.equal(total.notification, inAll)
  const nameOf = (root: string): string =>
    Object.entries(names).find(([, stored]) => stored.event.id === root)?.[0] ?? root
  const parts = [...threads].map(([root, one]) => `${nameOf(root)}:${one.notification}/${one.highlight}`).sort()
  return [`${main.notification}/${main.highlight}`, ...parts].join(' ')
}

/** The counts, which must be the same whether they were kept up to date or are made anew out of the database. */
async function both(stage: Stage, who: Who, room: Room, names: Record<string, StoredEvent> = {}): Promise<string> {
  const kept = brief(await stage.counts(who.nid, room), names)
  assert.equal(await anew(await stage.again(), who, room, names), kept)
  return kept
}

async function anew(
  again: NotificationCounts & Pick<Stage, 'rooms'>,
  who: Who,
  room: Room,
  names: Record<string, StoredEvent>,
): Promise<string> {
  const head = await again.rooms.byNid(room.nid)
  assert.ok(head)
  return brief(await again.counts(who.nid, head), names)
}

over('messages of others are counted, and mentions are highlights', async (stage) => {
  const [alice, bob, carol] = [await stage.person('alice'), await stage.person('bob'), await stage.person('carol')]
  const room = await stage.roomOf(alice, bob)
  assert.equal(await both(stage, alice, room), '0/0')
  await stage.send(room, bob, 'one')
  await stage.send(room, bob, { msgtype: 'm.notice', body: 'of no interest' })
  await stage.send(room, bob, { msgtype: 'm.text', body: 'you', 'm.mentions': { user_ids: [alice.userId] } })
  await stage.send(room, bob, { msgtype: 'm.text', body: 'all', 'm.mentions': { room: true } })
  await stage.send(room, bob, { algorithm: 'm.megolm.v1.aes-sha2', ciphertext: '…' }, 'm.room.encrypted')
  assert.equal(await both(stage, alice, room), '4/1', 'bob may not notify the room')
  assert.equal(await both(stage, bob, room), '0/0')
  assert.equal(await both(stage, carol, room), '0/0', 'who is not in the room is told nothing')
  await stage.send(room, alice, { msgtype: 'm.text', body: 'all', 'm.mentions': { room: true } })
  assert.equal(await both(stage, bob, room), '1/1')
})

over('a receipt clears what came before it, in its thread or in all of them, in any order', async (stage) => {
  const [alice, bob] = [await stage.person('alice'), await stage.person('bob')]
  const room = await stage.roomOf(alice, bob)
  const t = await stage.send(room, bob, 'a root')
  const a = await stage.send(room, bob, stage.inThread(t))
  const b = await stage.send(room, bob, 'outside')
  const c = await stage.send(room, bob, stage.inThread(t))
  const d = await stage.send(room, bob, 'outside')
  const count = () => both(stage, alice, room, { t })
  assert.equal(await count(), '3/0 t:2/0')
  await stage.receipt(room, alice, c, t.event.id)
  assert.equal(await count(), '3/0', 'a receipt in a thread')
  await stage.receipt(room, alice, b, 'main')
  assert.equal(await count(), '1/0', 'a receipt outside of threads')
  const e = await stage.send(room, bob, stage.inThread(t))
  assert.equal(await count(), '1/0 t:1/0')
  await stage.receipt(room, alice, a)
  assert.equal(await count(), '1/0 t:1/0', 'an older one for everything changes nothing')
  await stage.receipt(room, alice, d, '', 'm.read.private')
  assert.equal(await count(), '0/0 t:1/0', 'a private one counts as much')
  await stage.receipt(room, alice, e)
  assert.equal(await count(), '0/0')
})

over('what the user sends says that its thread has been read; a new display name does not', async (stage) => {
  const [alice, bob] = [await stage.person('alice'), await stage.person('bob')]
  const room = await stage.roomOf(alice, bob)
  const t = await stage.send(room, bob, 'a root')
  await stage.send(room, bob, stage.inThread(t))
  await stage.become(room, alice, 'join', { displayname: 'Alicia' })
  assert.equal(await both(stage, alice, room, { t }), '1/0 t:1/0')
  await stage.send(room, alice, 'an answer')
  assert.equal(await both(stage, alice, room, { t }), '0/0 t:1/0')
  await stage.send(room, bob, 'more')
  await stage.send(room, alice, stage.inThread(t))
  assert.equal(await both(stage, alice, room, { t }), '1/0')
})

over('what relates to an event in a thread is in the thread', async (stage) => {
  const [alice, bob] = [await stage.person('alice'), await stage.person('bob')]
  const room = await stage.roomOf(alice, bob)
  const t = await stage.send(room, bob, 'a root')
  const poll = await stage.send(room, bob, stage.inThread(t))
  await stage.send(
    room,
    bob,
    { algorithm: 'x', 'm.relates_to': { rel_type: 'm.reference', event_id: poll.event.id } },
    'm.room.encrypted',
  )
  await stage.send(
    room,
    bob,
    { algorithm: 'x', 'm.relates_to': { rel_type: 'm.reference', event_id: t.event.id } },
    'm.room.encrypted',
  )
  assert.equal(await both(stage, alice, room, { t }), '2/0 t:2/0')
})

over('a redacted event is counted no longer', async (stage) => {
  const [alice, bob] = [await stage.person('alice'), await stage.person('bob')]
  const room = await stage.roomOf(alice, bob)
  const first = await stage.send(room, bob, 'one')
  await stage.send(room, bob, 'two')
  assert.equal(await both(stage, alice, room), '2/0')
  await stage.redact(room, bob, first)
  assert.equal(await both(stage, alice, room), '1/0')
})

over('what was said before the user joined, or while they were away, is not counted', async (stage) => {
  const [alice, bob] = [await stage.person('alice'), await stage.person('bob')]
  const room = await stage.roomOf(bob)
  await stage.send(room, bob, 'before')
  await stage.become(room, alice, 'join')
  await stage.send(room, bob, 'after')
  assert.equal(await both(stage, alice, room), '1/0')
  await stage.become(room, alice, 'leave')
  await stage.send(room, bob, 'away')
  assert.equal(await both(stage, alice, room), '0/0')
  await stage.become(room, alice, 'join')
  assert.equal(await both(stage, alice, room), '0/0')
  await stage.send(room, bob, 'back')
  assert.equal(await both(stage, alice, room), '1/0')
})

over('new push rules and a new list of ignored users count everything anew', async (stage) => {
  const [alice, bob, carol] = [await stage.person('alice'), await stage.person('bob'), await stage.person('carol')]
  const room = await stage.roomOf(alice, bob, carol)
  await stage.send(room, bob, 'hello')
  await stage.send(room, carol, 'cake')
  assert.equal(await both(stage, alice, room), '2/0')
  await stage.rules.change(alice.nid, (stored) => ({
    ...stored,
    own: {
      content: [{ rule_id: 'cake', enabled: true, pattern: 'cake', actions: ['notify', { set_tweak: 'highlight' }] }],
    },
  }))
  assert.equal(await both(stage, alice, room), '2/1')
  await stage.users.accountData.set(alice.nid, undefined, 'm.ignored_user_list', {
    ignored_users: { [carol.userId]: {} },
  })
  assert.equal(await both(stage, alice, room), '1/0')
})

over(
  'many rooms are counted at once, those without anything new at no cost',
  async (stage) => {
    const [alice, bob] = [await stage.person('alice'), await stage.person('bob')]
    const rooms = await Promise.all(Array.from({ length: 250 }, () => stage.roomOf(bob, alice)))
    await Promise.all(
      rooms.map(async (room, index) => {
        for (let sent = 0; sent < index % 3; sent++) {
          const stored = await stage.send(room, bob, 'hello')
          if (index % 5 === 0) await stage.receipt(room, alice, stored)
        }
      }),
    )
    const expected = rooms.map((room, index) => [room.nid, index % 5 === 0 ? 0 : index % 3])
    const again = await stage.again()
    for (const { rooms: all, countsOfMany } of [stage, again]) {
      const heads = await Promise.all(rooms.map((room) => all.byNid(room.nid)))
      const counts = await countsOfMany(
        alice.nid,
        heads.filter((room) => room !== undefined),
      )
      assert.deepEqual(
        [...counts].map(([room, { total }]) => [room, total.notification]),
        expected,
      )
    }
  },
  databases,
)

over(
  'of a long absence the newest events are counted',
  async (stage) => {
    const [alice, bob] = [await stage.person('alice'), await stage.person('bob')]
    const room = await stage.roomOf(alice, bob)
    const drafts = Array.from({ length: 300 }, () => ({
      type: 'm.room.message',
      sender: bob,
      content: { msgtype: 'm.text', body: 'again' },
    }))
    for (let turn = 0; turn < 4; turn++) await stage.rooms.append(room, drafts)
    assert.equal(await both(stage, alice, room), '1000/0')
  },
  databases.slice(0, 1),
)

type Step = {
  kind: 'say' | 'mention' | 'answer' | 'edit' | 'read' | 'private' | 'redact' | 'mute' | 'keyword' | 'count'
  by: number
  thread: number
  at: number
}

const steps = fc.array(
  fc.record<Step>({
    kind: fc.constantFrom(
      'say',
      'say',
      'say',
      'mention',
      'answer',
      'edit',
      'edit',
      'read',
      'read',
      'private',
      'redact',
      'mute',
      'keyword',
      'count',
    ),
    by: fc.nat(1),
    thread: fc.nat(2),
    at: fc.nat(1000),
  }),
  { minLength: 1, maxLength: 25 },
)

/** What was said, as a plain list, counted in the plain way. */
interface Said {
  stored: StoredEvent
  by: number
  thread: string
  mention: boolean
  keyword?: boolean
  redacted: boolean
}

/** Push rules of the reader: the room is muted; a keyword is one. */
interface Wishes {
  muted: boolean
  keyword: boolean
}

function plainCount(
  said: readonly Said[],
  receipts: ReadonlyArray<{ thread: string; position: number }>,
  wishes: Wishes,
): string {
  const counts = new Map([['main', [0, 0]]])
  for (const [index, one] of said.entries()) {
    const answered = said.slice(index).some((later) => later.by === 0 && later.thread === one.thread)
    const read = receipts.some(
      ({ thread, position }) => (thread === '' || thread === one.thread) && position >= one.stored.position,
    )
    const loud = one.mention || (wishes.keyword && one.keyword === true)
    if (one.by === 0 || one.redacted || answered || read || (wishes.muted && !loud)) continue
    const [total = 0, highlights = 0] = counts.get(one.thread) ?? []
    counts.set(one.thread, [total + 1, highlights + (loud ? 1 : 0)])
  }
  const [main, ...threads] = [...counts].map(
    ([thread, [total, highlights]]) => (thread === 'main' ? '' : `${thread}:`) + `${total}/${highlights}`,
  )
  return [main, ...threads.sort()].join(' ')
}

over(
  'counts are those of the plain way after any order of messages, edits, receipts, redactions and changes of rules',
  async (stage) => {
    const people = [await stage.person('alice'), await stage.person('bob')] as const
    const [alice, bob] = people
    await fc.assert(
      fc.asyncProperty(steps, async (list) => {
        const room = await stage.roomOf(alice, bob)
        await stage.rules.change(alice.nid, (stored) => ({ ...stored, own: {} }))
        const roots = [await stage.send(room, bob, 'root 1'), await stage.send(room, bob, 'root 2')]
        const said: Said[] = roots.map((stored) => ({ stored, by: 1, thread: 'main', mention: false, redacted: false }))
        const newest = new Map<string, number>()
        const wishes: Wishes = { muted: false, keyword: false }
        for (const { kind, by, thread, at } of list) {
          const root = roots[thread - 1]
          const name = root?.event.id ?? 'main'
          if (kind === 'say' || kind === 'mention' || kind === 'answer') {
            const sender = kind === 'answer' ? 0 : by
            const stored = await stage.send(room, sender === 0 ? alice : bob, {
              ...(root ? stage.inThread(root) : { msgtype: 'm.text', body: 'outside' }),
              ...(kind === 'mention' && { 'm.mentions': { user_ids: [alice.userId] } }),
            })
            said.push({
              stored,
              by: sender,
              thread: name,
              mention: kind === 'mention',
              keyword: !root,
              redacted: false,
            })
          } else if (kind === 'edit') {
            const own = said.filter(
              (one) => one.by === by && !one.redacted && one.stored.event.content['m.new_content'] === undefined,
            )
            const target = own[at % own.length]
            if (!target) continue
            // An edit is no news, but for whom it mentions.
            const mention = by === 1 && at % 3 === 0
            const stored = await stage.send(room, by === 0 ? alice : bob, {
              msgtype: 'm.text',
              body: '* x',
              'm.new_content': { msgtype: 'm.text', body: 'x' },
              'm.relates_to': { rel_type: 'm.replace', event_id: target.stored.event.id },
              ...(mention && { 'm.mentions': { user_ids: [alice.userId] } }),
            })
            if (mention || by === 0) said.push({ stored, by, thread: target.thread, mention, redacted: false })
          } else if (kind === 'mute' || kind === 'keyword') {
            wishes[kind === 'mute' ? 'muted' : 'keyword'] = at % 2 === 0
            await stage.rules.change(alice.nid, (stored) => ({
              ...stored,
              own: {
                ...(wishes.muted && { room: [{ rule_id: room.id, enabled: true, actions: [] }] }),
                ...(wishes.keyword && {
                  content: [
                    {
                      rule_id: 'outside',
                      enabled: true,
                      pattern: 'outside',
                      actions: ['notify', { set_tweak: 'highlight' }],
                    },
                  ],
                }),
              },
            }))
          } else if (kind === 'redact') {
            const target = said[at % said.length]
            // A redaction of one's own says that one has read, as all that one sends does; here those of the other are looked at.
            if (!target || target.redacted || target.by === 0 || roots.includes(target.stored)) continue
            await stage.redact(room, bob, target.stored)
            target.redacted = true
          } else if (kind === 'count') {
            await stage.counts(alice.nid, room)
          } else {
            const of = said.filter((one) => by === 0 || one.thread === name)
            const target = of[at % of.length]
            const key = by === 0 ? '' : name
            const type = kind === 'read' ? 'm.read' : 'm.read.private'
            if (!target || target.stored.position <= (newest.get(`${type} ${key}`) ?? 0)) continue
            newest.set(`${type} ${key}`, target.stored.position)
            await stage.receipt(room, alice, target.stored, key, type)
          }
          if (at % 4 === 0) await stage.counts(alice.nid, room)
        }
        const receipts = [...newest].map(([key, position]) => ({ thread: key.slice(key.indexOf(' ') + 1), position }))
        assert.equal(await both(stage, alice, room), plainCount(said, receipts, wishes))
      }),
      { numRuns: 100 },
    )
  },
  databases,
)

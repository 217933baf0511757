import assert from 'node:assert/strict'
import type { Body, Client, ClientEvent } from '../../../test/harness/client.ts'
import { enc, over } from '../fixture.test.ts'
import { readAuditEntries } from '../store/audit.ts'

const api = '/_synapse/admin/v1'

interface RoomList {
  rooms: (Body & { room_id: string; name: string | null })[]
  total_rooms: number
  offset: number
  next_batch?: number
  prev_batch?: number
}

over('rooms are listed by pages, searched, filtered and sorted', async ({ root, alice, bob }) => {
  const one = await alice.createRoom({
    name: 'Alpha 100%',
    preset: 'public_chat',
    visibility: 'public',
    room_alias_name: 'first',
  })
  const two = await alice.createRoom({
    name: 'Beta',
    room_version: '11',
    creation_content: { 'm.federate': false, type: 'm.space' },
    initial_state: [{ type: 'm.room.encryption', state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } }],
  })
  const three = await bob.createRoom({ name: 'Gamma' })
  await bob.join(one)
  const list = async (query = ''): Promise<RoomList> => root.req('GET', `${api}/rooms${query}`)
  const names = async (query: string): Promise<unknown[]> => (await list(query)).rooms.map(({ name }) => name)
  const all = await list()
  assert.deepEqual([all.total_rooms, all.offset, all.next_batch, all.prev_batch], [3, 0, undefined, undefined])
  const [first, second] = all.rooms
  assert.deepEqual(
    { ...first, state_events: undefined },
    {
      room_id: one,
      name: 'Alpha 100%',
      canonical_alias: '#first:test',
      joined_members: 2,
      joined_local_members: 2,
      version: first?.['version'],
      creator: alice.userId,
      encryption: null,
      federatable: true,
      public: true,
      join_rules: 'public',
      guest_access: 'forbidden',
      history_visibility: 'shared',
      room_type: null,
      state_events: undefined,
    },
  )
  assert.ok(Number(first?.['state_events']) >= 8)
  assert.deepEqual(
    [second?.['federatable'], second?.['encryption'], second?.['room_type'], second?.['version'], second?.['public']],
    [false, 'm.megolm.v1.aes-sha2', 'm.space', '11', false],
  )
  const page = await list('?limit=2')
  assert.deepEqual([page.rooms.length, page.next_batch], [2, 2])
  const last = await list('?limit=2&from=2')
  assert.deepEqual([last.rooms.map(({ name }) => name), last.prev_batch], [['Gamma'], 0])
  assert.deepEqual(await names('?order_by=joined_members&limit=1'), ['Alpha 100%'])
  assert.deepEqual(await names('?order_by=name&dir=b'), ['Gamma', 'Beta', 'Alpha 100%'])
  assert.deepEqual(await names('?search_term=0%25'), ['Alpha 100%'])
  assert.deepEqual(await names('?search_term=FIRST'), ['Alpha 100%'])
  assert.deepEqual(await names(`?search_term=${enc(three)}`), ['Gamma'])
  assert.deepEqual(await names('?public_rooms=true'), ['Alpha 100%'])
  assert.deepEqual(await names('?public_rooms=false'), ['Beta', 'Gamma'])
  await bob.leave(three)
  assert.deepEqual(await names('?empty_rooms=true'), ['Gamma'])
  for (const order of [
    'creator',
    'federatable',
    'state_events',
    'join_rules',
    'size',
    'version',
    'joined_local_members',
  ])
    assert.equal((await list(`?order_by=${order}`)).rooms.length, 3, order)
  assert.equal(await root.refusal('GET', `${api}/rooms?order_by=topic`), '400 M_INVALID_PARAM')
  assert.equal(await root.refusal('GET', `${api}/rooms?search_term=`), '400 M_INVALID_PARAM')
  assert.equal(await alice.refusal('GET', `${api}/rooms`), '403 M_FORBIDDEN')

  const detail = await root.req('GET', `${api}/rooms/${enc(two)}`)
  assert.deepEqual(
    [
      detail['name'],
      detail['joined_local_devices'],
      detail['forgotten'],
      detail['tombstoned'],
      detail['replacement_room'],
    ],
    ['Beta', 1, false, false, null],
  )
  assert.deepEqual(await root.req('GET', `${api}/rooms/${enc(one)}/members`), {
    members: [alice.userId, bob.userId],
    total: 2,
  })
  const { state } = await root.req<{ state: ClientEvent[] }>('GET', `${api}/rooms/${enc(two)}/state`)
  assert.equal(state.find(({ type }) => type === 'm.room.name')?.content['name'], 'Beta')
  const creates = await root.req<{ state: ClientEvent[] }>('GET', `${api}/rooms/${enc(two)}/state?type=m.room.create`)
  assert.deepEqual(
    creates.state.map(({ type }) => type),
    ['m.room.create'],
  )
  const ends = await root.req<{ count: number; results: Body[] }>('GET', `${api}/rooms/${enc(one)}/forward_extremities`)
  assert.equal(ends.count, 1)
  assert.deepEqual(Object.keys(ends.results[0] ?? {}), ['event_id', 'state_group', 'depth', 'received_ts'])
  assert.deepEqual(await root.req('DELETE', `${api}/rooms/${enc(one)}/forward_extremities`), { deleted: 0 })
  assert.equal(await root.refusal('GET', `${api}/rooms/${enc('!nowhere:test')}`), '404 M_NOT_FOUND')
  assert.equal(await root.refusal('GET', `${api}/rooms/nonsense`), '400 M_INVALID_PARAM')
})

over('an administrator reads rooms that they are not in, and that is noted', async ({ root, alice, bob, server }) => {
  const hidden = [{ type: 'm.room.history_visibility', state_key: '', content: { history_visibility: 'joined' } }]
  const room = await alice.createRoom({ name: 'secret', initial_state: hidden })
  const said: string[] = []
  for (const text of ['one', 'two', 'three']) said.push(await alice.send(room, text))
  await root.req('PUT', `/user/${enc(root.userId)}/account_data/m.ignored_user_list`, {
    ignored_users: { [alice.userId]: {} },
  })
  const base = `${api}/rooms/${enc(room)}`
  interface Page {
    chunk: ClientEvent[]
    end?: string
  }
  const back = await root.req<Page>('GET', `${base}/messages?dir=b&limit=2`)
  assert.deepEqual(
    back.chunk.map(({ content }) => content['body']),
    ['three', 'two'],
  )
  const more = await root.req<Page>('GET', `${base}/messages?dir=b&limit=1&from=${back.end}`)
  assert.equal(more.chunk[0]?.content['body'], 'one')
  const start = await root.req<Page>('GET', `${base}/messages?limit=1`)
  assert.equal(start.chunk[0]?.type, 'm.room.create')
  const around = await root.req<{ event: ClientEvent; events_before: ClientEvent[]; events_after: ClientEvent[] }>(
    'GET',
    `${base}/context/${enc(said[1] ?? '')}?limit=2`,
  )
  assert.deepEqual(
    [...around.events_before, around.event, ...around.events_after].map(({ content }) => content['body']),
    ['one', 'two', 'three'],
  )
  const nearest = await root.req('GET', `${base}/timestamp_to_event?ts=${Date.now() + 1000}&dir=b`)
  assert.equal(nearest['event_id'], said[2])
  const fetched = await root.req<{ event: Body }>('GET', `${api}/fetch_event/${enc(said[0] ?? '')}`)
  assert.deepEqual(fetched.event['content'], { msgtype: 'm.text', body: 'one' })
  assert.ok(fetched.event['signatures'] && fetched.event['auth_events'])
  for (const path of [
    `${base}/messages`,
    `${base}/context/${enc(said[1] ?? '')}`,
    `${api}/fetch_event/${enc(said[0] ?? '')}`,
  ])
    assert.equal(await bob.refusal('GET', path), '403 M_FORBIDDEN')
  assert.equal(await root.refusal('GET', `/rooms/${enc(room)}/messages?dir=b`), '403 M_FORBIDDEN', 'as a client not')
  const entries = await readAuditEntries(server.database.read, { target: room, limit: 100 })
  assert.equal(entries.filter(({ action }) => action === 'adminRoomMessages').length, 3)

  const space = await alice.createRoom({ name: 'space', creation_content: { type: 'm.space' } })
  await alice.setState(space, 'm.space.child', { via: ['test'] }, room)
  const tree = await root.req<{ rooms: Body[] }>('GET', `${api}/rooms/${enc(space)}/hierarchy`)
  assert.deepEqual(
    tree.rooms.map(({ name }) => name),
    ['space', 'secret'],
  )
})

over('rooms are blocked, and people are put into them and given power', async ({ root, alice, bob, carol }) => {
  const room = await alice.createRoom({ preset: 'private_chat' })
  const block = `${api}/rooms/${enc(room)}/block`
  assert.deepEqual(await root.req('GET', block), { block: false })
  assert.deepEqual(await root.req('PUT', block, { block: true }), { block: true })
  assert.deepEqual(await root.req('GET', block), { block: true, user_id: root.userId })
  assert.equal(await alice.refusal('POST', `/rooms/${enc(room)}/invite`, { user_id: bob.userId }), '403 M_FORBIDDEN')
  assert.equal(await root.refusal('POST', `${api}/join/${enc(room)}`, { user_id: bob.userId }), '403 M_FORBIDDEN')
  await alice.send(room, 'who is in it goes on')
  await root.req('PUT', block, { block: false })
  await root.req('PUT', `${api}/rooms/${enc('!unknown:far.test')}/block`, { block: true })

  assert.deepEqual(await root.req('POST', `${api}/join/${enc(room)}`, { user_id: bob.userId }), { room_id: room })
  await bob.send(room, 'here I am')
  assert.equal(await bob.refusal('PUT', `/rooms/${enc(room)}/state/m.room.name`, { name: 'mine' }), '403 M_FORBIDDEN')
  await root.req('POST', `${api}/rooms/${enc(room)}/make_room_admin`, { user_id: bob.userId })
  await bob.setState(room, 'm.room.name', { name: 'mine' })
  await root.req('POST', `${api}/rooms/${enc(room)}/make_room_admin`, {})
  await root.join(room)
  await root.setState(room, 'm.room.topic', { topic: 'ours' })
  assert.equal(
    await root.refusal('POST', `${api}/join/${enc('#none:test')}`, { user_id: bob.userId }),
    '404 M_NOT_FOUND',
  )
  assert.equal(await carol.refusal('POST', `${api}/join/${enc(room)}`, { user_id: carol.userId }), '403 M_FORBIDDEN')
})

over('reports are listed with what they are about, read and deleted', async ({ root, alice, bob }) => {
  const room = await alice.createRoom({ preset: 'public_chat', name: 'Room', room_alias_name: 'room' })
  await bob.join(room)
  const event = await alice.send(room, 'something bad')
  const other = await alice.send(room, 'something worse')
  await bob.req('POST', `/rooms/${enc(room)}/report/${enc(event)}`, { reason: 'bad', score: -100 })
  await bob.req('POST', `/rooms/${enc(room)}/report/${enc(other)}`, { reason: 'worse' })
  await bob.req('POST', `/users/${enc(alice.userId)}/report`, { reason: 'always' })
  interface Reports {
    event_reports: (Body & { id: number })[]
    total: number
    next_token?: number
  }
  const list = (query = ''): Promise<Reports> => root.req('GET', `${api}/event_reports${query}`)
  const all = await list()
  assert.deepEqual([all.total, all.event_reports.map(({ reason }) => reason)], [2, ['worse', 'bad']])
  const { id, received_ts: received, ...rest } = all.event_reports[1] as Body & { id: number }
  assert.ok(Math.abs(Number(received) - Date.now()) < 60_000)
  assert.deepEqual(rest, {
    event_id: event,
    reason: 'bad',
    score: -100,
    room_id: room,
    name: 'Room',
    canonical_alias: '#room:test',
    sender: alice.userId,
    user_id: bob.userId,
  })
  assert.deepEqual((await list('?limit=1')).next_token, 1)
  assert.equal((await list(`?user_id=${enc(bob.userId)}&room_id=${enc(room)}`)).total, 2)
  assert.equal((await list(`?event_sender_user_id=${enc(bob.userId)}`)).total, 0)
  assert.equal((await list(`?user_id=${enc('@never:test')}`)).total, 0)
  const one = await root.req<{ event_json: { content: Body } }>('GET', `${api}/event_reports/${id}`)
  assert.equal(one.event_json.content['body'], 'something bad')
  await root.req('DELETE', `${api}/event_reports/${id}`)
  assert.equal(await root.refusal('GET', `${api}/event_reports/${id}`), '404 M_NOT_FOUND')
  assert.equal(await root.refusal('DELETE', `${api}/event_reports/${id}`), '404 M_NOT_FOUND')
  assert.equal(await root.refusal('GET', `${api}/event_reports/x`), '400 M_INVALID_PARAM')

  const users = await root.req<{ user_reports: (Body & { id: number })[]; total: number }>('GET', `${api}/user_reports`)
  assert.equal(users.total, 1)
  const [report] = users.user_reports
  assert.deepEqual(
    [report?.['target_user_id'], report?.['user_id'], report?.['reason']],
    [alice.userId, bob.userId, 'always'],
  )
  await root.req('DELETE', `${api}/user_reports/${report?.id}`)
  assert.equal(await root.refusal('GET', `${api}/user_reports/${report?.id}`), '404 M_NOT_FOUND')
})

over('files are listed, kept from everybody, and deleted from the disk', async ({ root, alice, bob, server }) => {
  const upload = async (client: Client, text: string, name: string): Promise<string> => {
    const answer = await client.ask<{ content_uri: string }>(
      'POST',
      `/_matrix/media/v3/upload?filename=${name}`,
      text,
      {
        'content-type': 'text/plain',
      },
    )
    return answer.body.content_uri.slice('mxc://test/'.length)
  }
  const [a, b, same] = [
    await upload(alice, 'aaa', 'a.txt'),
    await upload(alice, 'bbbbb', 'b.txt'),
    await upload(bob, 'aaa', 'c.txt'),
  ]
  const room = await alice.createRoom()
  await alice.send(room, { msgtype: 'm.file', body: 'a.txt', url: `mxc://test/${a}` })
  await alice.send(room, { msgtype: 'm.file', body: 'far', url: 'mxc://far.test/xyz' })
  const status = async (client: Client, id: string, query = ''): Promise<number> =>
    (await client.ask('GET', `/_matrix/client/v1/media/download/test/${id}${query}`)).status

  const list = await root.req<{ media: Body[]; total: number }>(
    'GET',
    `${api}/users/${enc(alice.userId)}/media?order_by=media_length`,
  )
  assert.deepEqual([list.total, list.media.map((one) => one['upload_name'])], [2, ['a.txt', 'b.txt']])
  const { media_info: info } = await root.req<{ media_info: Body }>('GET', `${api}/media/test/${a}`)
  assert.deepEqual([info['user_id'], info['media_length'], info['quarantined_by']], [alice.userId, 3, null])
  assert.deepEqual(await root.req('GET', `${api}/room/${enc(room)}/media`), {
    local: [`mxc://test/${a}`],
    remote: ['mxc://far.test/xyz'],
  })

  await root.req('POST', `${api}/media/protect/${same}`, {})
  await root.req('POST', `${api}/media/quarantine/test/${a}`, {})
  assert.deepEqual(
    [await status(alice, a), await status(bob, same), await status(alice, b)],
    [404, 200, 200],
    'what is protected stays',
  )
  const again = await upload(bob, 'aaa', 'd.txt')
  assert.equal(await status(bob, again), 404, 'the same content under a new address')
  const bypass = '?admin_unsafely_bypass_quarantine=true'
  assert.deepEqual([await status(root, a, bypass), await status(alice, a, bypass)], [200, 404])
  await root.req('POST', `${api}/media/unquarantine/test/${a}`, {})
  assert.deepEqual([await status(alice, a), await status(bob, again)], [200, 200])
  await root.req('POST', `${api}/media/unprotect/${same}`, {})
  assert.deepEqual(await root.req('POST', `${api}/room/${enc(room)}/media/quarantine`, {}), { num_quarantined: 3 })
  assert.deepEqual(await root.req('POST', `${api}/user/${enc(alice.userId)}/media/quarantine`, {}), {
    num_quarantined: 1,
  })
  const changes = await root.req<{ changes: Body[]; next_batch: number }>('GET', `${api}/media/quarantine_changes`)
  assert.deepEqual(
    changes.changes.map(({ quarantined }) => quarantined),
    [true, false, true, true, true, true],
  )
  assert.deepEqual(await root.req('GET', `${api}/media/quarantine_changes?from=${changes.next_batch}`), {
    next_batch: changes.next_batch,
    changes: [],
  })

  const use = await root.req<{ users: Body[]; total: number }>(
    'GET',
    `${api}/statistics/users/media?order_by=media_length&dir=b`,
  )
  assert.deepEqual(use, {
    users: [
      { user_id: alice.userId, displayname: null, media_count: 2, media_length: 8 },
      { user_id: bob.userId, displayname: null, media_count: 2, media_length: 6 },
    ],
    total: 2,
  })
  const largest = await root.req<{ rooms: Body[] }>('GET', `${api}/statistics/database/rooms`)
  assert.equal(largest.rooms[0]?.['room_id'], room)

  assert.deepEqual(await root.req('DELETE', `${api}/media/test/${b}`), { deleted_media: [b], total: 1 })
  assert.equal(await root.refusal('GET', `${api}/media/test/${b}`), '404 M_NOT_FOUND')
  assert.deepEqual(await root.req('DELETE', `${api}/users/${enc(alice.userId)}/media`), {
    deleted_media: [a],
    total: 1,
  })
  const gone = await root.req<{ deleted_media: string[] }>(
    'POST',
    `${api}/media/delete?before_ts=${Date.now() + 1000}`,
    {},
  )
  assert.deepEqual(new Set(gone.deleted_media), new Set([same, again]))
  for (const table of ['media', 'media_files', 'media_garbage'] as const)
    assert.deepEqual(await server.database.read.selectFrom(table).selectAll().execute(), [], table)
  assert.equal(await root.refusal('POST', `${api}/media/delete?before_ts=1700000000`, {}), '400 M_INVALID_PARAM')
  assert.equal(await root.refusal('DELETE', `${api}/media/far.test/xyz`), '400 M_INVALID_PARAM')
  assert.equal(await root.refusal('POST', `${api}/media/protect/unknown`, {}), '404 M_NOT_FOUND')
  assert.deepEqual(await root.req('POST', `${api}/purge_media_cache?before_ts=1`, {}), { deleted: 0 })
})

over(
  'the server speaks to somebody in the words of an administrator, once for each transaction',
  async ({ root, alice }) => {
    const body = { user_id: alice.userId, content: { msgtype: 'm.text', body: 'hello' } }
    const first = await root.req('PUT', `${api}/send_server_notice/t1`, body)
    assert.deepEqual(await root.req('PUT', `${api}/send_server_notice/t1`, body), first)
    const second = await root.req('POST', `${api}/send_server_notice`, body)
    assert.notEqual(second['event_id'], first['event_id'])
    const [room = ''] = Object.keys((await alice.sync()).rooms?.invite ?? {})
    await alice.join(room)
    const { chunk } = await alice.req<{ chunk: ClientEvent[] }>('GET', `/rooms/${enc(room)}/messages?dir=b`)
    assert.equal(chunk.filter(({ type }) => type === 'm.room.message').length, 2)
    assert.equal(
      await root.refusal('POST', `${api}/send_server_notice`, { ...body, user_id: '@nobody:test' }),
      '404 M_NOT_FOUND',
    )
    assert.equal(await alice.refusal('POST', `${api}/send_server_notice`, body), '403 M_FORBIDDEN')
    assert.deepEqual(await root.req('GET', `${api}/background_updates/status`), { enabled: true, current_updates: {} })
  },
)

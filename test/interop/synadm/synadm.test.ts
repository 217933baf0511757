import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jwtConfig } from '../../harness/jwt.ts'
import { Client, type Body } from '../../harness/client.ts'
import { createHomeserver } from '../../../src/server/index.ts'
import { openSynadm, synadm } from './synadm.ts'

if (synadm === undefined)
  console.log('synadm is not tested: neither LATCHKEY_TEST_SYNADM nor the search path has it (pip install synadm)')

test('every command of synadm', { skip: synadm === undefined }, async () => {
  await using server = await createHomeserver({
    server_name: 'test',
    database: 'sqlite::memory:',
    listen: '127.0.0.1:0',
    rate_limits: 'off',
    registration: 'token',
    jwt_config: jwtConfig,
    log: { level: 'silent' },
  })
  const person = (name: string): Promise<Client> => new Client(server.url).login(name)
  const [root, alice, bob] = [await person('root'), await person('alice'), await person('bob')]
  await server.users.setAdmin(await server.users.intern(root.userId), true)
  using tool = openSynadm(synadm ?? '', server.url, { userId: root.userId, token: root.token ?? '' })
  const { json, text } = tool

  // What is there to be administered.
  const room = await alice.createRoom({ name: 'Room', preset: 'public_chat', room_alias_name: 'room' })
  await bob.join(room)
  const event = await alice.send(room, 'one')
  const upload = async (body: string): Promise<string> =>
    (
      await alice.ask<{ content_uri: string }>('POST', '/_matrix/media/v3/upload', body, {
        'content-type': 'text/plain',
      })
    ).body.content_uri
  const [uri, second] = [await upload('aaa'), await upload('bbbb')]
  await alice.send(room, { msgtype: 'm.file', body: 'a', url: uri })
  const idOf = (mxc: string): string => mxc.slice('mxc://test/'.length)

  assert.match(JSON.stringify(await json('version')), /Latchkey/)

  // Users.
  assert.equal((await json<{ total: number }>('user', 'list')).total, 3)
  assert.match(await text('user', 'search', 'ali'), /@alice:test/)
  assert.equal((await json('user', 'details', '@alice:test'))['name'], '@alice:test')
  await text('user', 'modify', '@carol:test', '-P', 'a long password 1', '-n', 'Carol', '-t', 'email', 'c@example.org')
  const carol = await json<Body & { threepids: Body[] }>('user', 'details', '@carol:test')
  assert.deepEqual([carol['displayname'], carol.threepids[0]?.['address']], ['Carol', 'c@example.org'])
  await text('user', 'modify', '@carol:test', '--admin', '--lock', '--user-type', 'bot', '--clear-threepids')
  const changed = await json<Body>('user', 'details', '@carol:test')
  assert.deepEqual(
    [changed['admin'], changed['locked'], changed['user_type'], changed['threepids']],
    [true, true, 'bot', []],
  )
  await text('user', 'modify', '@carol:test', '--no-admin', '--unlock', '--user-type', 'regular')
  await text('user', 'password', '@carol:test', '-p', 'a long password 2')
  assert.match(await text('user', 'membership', '@bob:test'), /#room:test|Room|!/)
  assert.equal((await json('user', 'whois', '@bob:test'))['user_id'], '@bob:test')
  assert.equal((await json<{ total: number }>('user', 'media', '@alice:test')).total, 2)
  assert.match(JSON.stringify(await json('user', 'login', '@bob:test')), /access_token/)
  await text('user', 'shadow-ban', '@bob:test')
  await text('user', 'shadow-ban', '--unban', '@bob:test')
  await text('user', 'suspend', '@bob:test')
  assert.equal((await json<Body>('user', 'details', '@bob:test'))['suspended'], true)
  await text('user', 'suspend', '--unsuspend', '@bob:test')
  await text('user', 'prune-devices', '--list-only', '-d', '0', '@alice:test')
  await new Client(server.url).login('alice')
  await text('user', 'prune-devices', '-d', '0', '-s', '1', '@alice:test')
  await text('user', 'auth-provider', '-p', 'nobody', 'x').catch(() => {})
  await text('user', '3pid', '-m', 'email', 'nobody@example.org').catch(() => {})

  // Rooms.
  assert.equal((await json<{ total_rooms: number }>('room', 'list')).total_rooms, 1)
  assert.match(await text('room', 'search', 'Roo'), /Room/)
  assert.equal((await json('room', 'details', room))['name'], 'Room')
  assert.equal((await json<{ total: number }>('room', 'members', room)).total, 2)
  assert.match(await text('room', 'state', room), /m\.room\.create/)
  assert.match(await text('room', 'resolve', '#room:test'), /!/)
  assert.match(await text('room', 'resolve', '-r', room), /#room:test/)
  // In rooms of version 12 the creator's power is not among the levels.
  assert.match(await text('room', 'power-levels', '-i', room), /power_levels/)
  await text('room', 'join', room, '@carol:test')
  assert.equal((await json<{ total: number }>('room', 'members', room)).total, 3)
  await text('room', 'make-admin', room, '-u', '@bob:test')
  await bob.setState(room, 'm.room.topic', { topic: 'mine' })
  await text('room', 'block', room, '--block', 'true').catch(() => text('room', 'block', '--block', room))
  await json('room', 'block-status', room)
  await root.req('PUT', `/_synapse/admin/v1/rooms/${encodeURIComponent(room)}/block`, { block: false })

  // Media.
  assert.match(await text('media', 'list', '-r', room), /mxc:\/\/test/)
  assert.match(await text('media', 'list', '-u', '@alice:test'), /media_id/)
  await text('media', 'quarantine', '-s', 'test', '-i', idOf(uri))
  await text('media', 'unquarantine', '-s', 'test', '-i', idOf(uri))
  await text('media', 'quarantine', '-U', second)
  await text('media', 'quarantine', '-r', room)
  await text('media', 'quarantine', '-u', '@alice:test')
  await text('media', 'protect', idOf(uri))
  assert.match(
    await text('media', 'delete', '-s', 'test', '-i', idOf(second)).catch(() =>
      text('media', 'delete', '-i', idOf(second)),
    ),
    /deleted_media/,
  )
  assert.match(await text('media', 'delete', '-d', '0', '--kib', '0'), /deleted_media/)
  assert.match(await text('media', 'purge', '-d', '1'), /deleted/)

  // Notices, registration tokens.
  assert.match(await text('notice', 'send', '@bob:test', 'The server goes down at noon.'), /event_id/)
  assert.match(await text('regtok', 'new', '-n', 'first', '-u', '3'), /first/)
  assert.match(await text('regtok', 'new'), /token/)
  assert.match(await text('regtok', 'list', '--valid'), /first/)
  assert.match(await text('regtok', 'details', 'first'), /uses_allowed/)
  assert.match(await text('regtok', 'update', 'first', '-u', '5'), /5/)
  await text('regtok', 'delete', 'first')
  assert.doesNotMatch(await text('regtok', 'list'), /first/)

  // What takes away.
  const purge = await json<{ purge_id: string }>('history', 'purge', room, '-i', event, '--delete-local')
  assert.match(await text('history', 'purge-status', purge.purge_id), /active|complete/)
  const redaction = await json<{ redact_id: string }>('user', 'redact', '@bob:test')
  assert.match(await text('user', 'redact-status', redaction.redact_id), /active|completed|scheduled/)
  // It shows the room before it says what came of it.
  const deletion = /"delete_id": "([^"]+)"/.exec(await text('room', 'delete', room))?.[1] ?? ''
  assert.match(await text('room', 'delete-status', '-d', deletion), /active|complete|scheduled/)
  assert.match(await text('room', 'delete-status', '-r', room), /delete_id/)
  const old = await alice.createRoom({ name: 'Old' })
  assert.match(await text('room', 'delete', '--v1', old), /kicked_users/)
  const empty = await alice.createRoom({ name: 'Empty' })
  await alice.leave(empty)
  await text('room', 'purge-empty', '--v1')
  await text('user', 'deactivate', '-e', '@carol:test')
  assert.equal((await json<Body>('user', 'details', '@carol:test'))['erased'], true)
  await text('user', 'modify', '@dave:test', '-P', 'a long password 1')
  await text('user', 'deactivate-regex', '^@dave:test$')

  // What it asks of the client-server API.
  assert.match(await text('matrix', 'raw', 'client/v3/account/whoami'), /@root:test/)
  assert.match(await text('raw', 'v1/server_version'), /Latchkey/)
})

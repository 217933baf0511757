import assert from 'node:assert/strict'
import { idOf, over, path } from '../../../test/harness/rooms.ts'

over('who wants no invitations gets none, however they are sent', async ({ create, on, ask, outcome }) => {
  const before = await create('alice')
  const setting = `/user/${encodeURIComponent(idOf('bob'))}/account_data/m.invite_permission_config`
  const invite = (roomId: string): Promise<string> =>
    outcome('alice', 'POST', path(roomId, '/invite'), { user_id: idOf('bob') })
  assert.equal(await outcome('bob', 'PUT', setting, { default_action: 'block' }), '200')
  assert.equal(await invite(before), '403 M_INVITE_BLOCKED')
  assert.equal(
    await outcome('alice', 'PUT', path(before, `/state/m.room.member/${encodeURIComponent(idOf('bob'))}`), {
      membership: 'invite',
    }),
    '403 M_INVITE_BLOCKED',
  )
  assert.equal(
    await outcome('alice', 'POST', '/createRoom', { invite: [idOf('carol'), idOf('bob')] }),
    '403 M_INVITE_BLOCKED',
  )
  assert.equal(
    (await ask('alice', 'GET', path(before, `/state/m.room.member/${encodeURIComponent(idOf('bob'))}`))).status,
    404,
  )
  await on('alice', before, 'invite', 'carol')
  const open = await create('alice', { preset: 'public_chat' })
  assert.equal(await outcome('bob', 'POST', path(open, '/join'), {}), '200', 'one may still join')
  assert.equal(await invite(open), '403 M_FORBIDDEN', 'who is in the room is not asked')
  for (const content of [{}, { default_action: 'allow' }, { default_action: true }]) {
    assert.equal(await outcome('bob', 'PUT', setting, content), '200')
    assert.equal(await invite(before), '200')
    await on('alice', before, 'kick', 'bob')
  }
})

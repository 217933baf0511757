// A suspended account reads, leaves, looks after its own keys and settings, and does nothing else: whatever endpoint it asks.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createHomeserver } from '../src/server/index.ts'
import { Client } from './harness/client.ts'
import { jwtConfig } from './harness/jwt.ts'

/** What it may do besides reading. To add to this list is to decide that. */
const allowed = [
  // its sessions and its account
  'logout logout_all generateLoginToken deleteDevice deleteDevices updateDevice deactivateAccount',
  'changePassword requestTokenToResetPasswordEmail requestTokenToResetPasswordMSISDN post3PIDs add3PID',
  'requestTokenTo3PIDEmail requestTokenTo3PIDMSISDN requestTokenToRegisterEmail requestTokenToRegisterMSISDN',
  // its keys
  'uploadKeys queryKeys claimKeys uploadCrossSigningKeys uploadCrossSigningSignatures sendToDevice',
  'putDehydratedDevice deleteDehydratedDevice postDehydratedDeviceEvents postRoomKeysVersion',
  'putRoomKeysVersion deleteRoomKeysVersion putRoomKeys putRoomKeysByRoomId putRoomKeyBySessionId',
  'deleteRoomKeys deleteRoomKeysByRoomId deleteRoomKeyBySessionId',
  // how it is shown things, and told of them
  'defineFilter setAccountData setAccountDataPerRoom setRoomTag deleteRoomTag setReadMarker postReceipt',
  'postPusher setPushRule deletePushRule setPushRuleActions setPushRuleEnabled',
  // what only reads
  'slidingSync search searchUserDirectory queryPublicRooms',
  // the way out, and calls for help
  'leaveRoom forgetRoom reportRoom reportEvent reportUser',
  // what is looked at more closely: leaving, redacting what is one's own, what was scheduled before
  'setRoomState setRoomStateWithKey redactEvent sendMessage sendMessageWithoutTransaction updateDelayedEvent',
  'cancelDelayedEvent restartDelayedEvent sendDelayedEvent',
].flatMap((line) => line.split(' '))

const enc = encodeURIComponent

test('what a suspended account may do is what is on the list, on every endpoint', async () => {
  await using server = await createHomeserver({
    server_name: 'test',
    database: 'sqlite::memory:',
    listen: '127.0.0.1:0',
    rate_limits: 'off',
    jwt_config: jwtConfig,
    log: { level: 'silent' },
  })
  const [alice, mallory] = [await new Client(server.url).login('alice'), await new Client(server.url).login('mallory')]
  const room = await mallory.createRoom({ preset: 'public_chat' })
  await alice.join(room)
  const [own, other] = [await mallory.send(room, 'mine'), await alice.send(room, 'hers')]
  const account = await server.users.findByLocalpart('mallory')
  assert.ok(account)
  await server.users.setSuspended(account.nid, true)

  const writes = server.routes.filter(({ method, auth }) => method !== 'GET' && auth !== 'none' && auth !== 'server')
  assert.deepEqual(
    writes
      .filter((route) => route.whileSuspended)
      .map(({ id }) => id)
      .toSorted(),
    allowed.toSorted(),
  )
  for (const { id, method, path, whileSuspended } of writes) {
    if (whileSuspended) continue
    const target = path.replaceAll(/:\w+/g, 'x')
    assert.equal(await mallory.refusal(method, target, {}), '403 M_USER_SUSPENDED', `${id}: ${method} ${path}`)
  }

  const at = `/rooms/${enc(room)}`
  const suspended = '403 M_USER_SUSPENDED'
  assert.equal(await mallory.refusal('PUT', `${at}/redact/${enc(other)}/a`, {}), suspended, 'what others said')
  assert.equal(await mallory.refusal('PUT', `${at}/send/m.room.redaction/b`, { redacts: other }), suspended)
  await mallory.req('PUT', `${at}/redact/${enc(own)}/c`, {})
  assert.equal(await mallory.refusal('PUT', `${at}/send/m.room.message/d`, { msgtype: 'm.text', body: 'x' }), suspended)
  assert.equal(await mallory.refusal('PUT', `${at}/state/m.room.name`, { name: 'x' }), suspended)
  const later = '?org.matrix.msc4140.delay=100'
  assert.equal(await mallory.refusal('PUT', `${at}/send/m.room.message/e${later}`, { body: 'x' }), suspended)
  assert.equal(
    await mallory.refusal('PUT', `${at}/state/m.room.member/${enc(mallory.userId)}`, { membership: 'join' }),
    suspended,
  )
  await mallory.req('PUT', `${at}/state/m.room.member/${enc(mallory.userId)}`, { membership: 'leave' })
})

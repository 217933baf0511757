import assert from 'node:assert/strict'
import { crossKeys, curveKeys, deviceKeys } from '../src/devices/fixture.test.ts'
import { enc, until, withService } from '../src/appservice/fixture.test.ts'

type Lists = { changed: string[]; left: string[] }
type Mail = { type: string; sender: string; to_user_id: string; to_device_id: string; content: Record<string, unknown> }

const [listsName, mailName] = ['org.matrix.msc3202.device_lists', 'de.sorunome.msc2409.to_device']

withService(
  'messages to the devices of a service, changes of device lists and counts of keys come with its transactions',
  {
    'org.matrix.msc3202': true,
    'io.element.msc4190': true,
    'de.sorunome.msc2409.push_ephemeral': true,
  },
  async ({ server, irc, bridge }) => {
    const alice = await server.login('alice')
    const bob = await bridge.ghost('_irc_bob')
    await bridge.ask('PUT', '/devices/IRC', {}, bob)
    const keys = curveKeys(bob, 'IRC', ['AAAAAQ', 'AAAAAg'])
    await bridge.req('POST', '/keys/upload', { device_keys: deviceKeys(bob, 'IRC'), one_time_keys: keys }, bob, {
      device_id: 'IRC',
    })
    // Nobody could confirm that keys change.
    for (const suffix of ['', ' new'])
      await bridge.req('POST', '/keys/device_signing/upload', crossKeys(bob, suffix), bob, { device_id: 'IRC' })
    const { room_id: roomId } = await alice.req<{ room_id: string }>('POST', '/createRoom', { preset: 'public_chat' })
    await bridge.req('POST', `/join/${enc(roomId)}`, {}, bob)

    const mail = () => irc.taken.flatMap(({ body }) => (body[mailName] ?? []) as Mail[])
    for (const text of ['one', 'two']) {
      await alice.req('PUT', `/sendToDevice/m.test/${text}`, {
        messages: { [bob]: { IRC: { text } }, '@nobody:test': { X: {} } },
      })
    }
    await until(() => mail().length >= 2)
    const expected = ['one', 'two'].map((text) => ({
      type: 'm.test',
      sender: alice.userId,
      content: { text },
      to_user_id: bob,
      to_device_id: 'IRC',
    }))
    assert.deepEqual(mail(), expected)
    const counts = irc.taken.find(({ body }) => mailName in body)?.body ?? {}
    for (const name of [
      'org.matrix.msc3202.device_one_time_key_counts',
      'org.matrix.msc3202.device_one_time_keys_count',
    ]) {
      assert.deepEqual(counts[name], { [bob]: { IRC: { signed_curve25519: 2 } } })
    }
    assert.deepEqual(counts['org.matrix.msc3202.device_unused_fallback_key_types'], { [bob]: { IRC: [] } })

    const carol = await server.login('carol')
    const lists = () => irc.taken.flatMap(({ body }) => (listsName in body ? [body[listsName] as Lists] : []))
    await carol.req('POST', `/join/${enc(roomId)}`, {})
    await until(() => lists().some(({ changed }) => changed.includes(carol.userId)), lists)
    await carol.req('PUT', `/devices/${carol.deviceId}`, { display_name: 'new' })
    await until(() => lists().filter(({ changed }) => changed.includes(carol.userId)).length >= 2, lists)
    await carol.req('POST', `/rooms/${enc(roomId)}/leave`, {})
    await until(() => lists().some(({ left }) => left.includes(carol.userId)), lists)
    const before = irc.taken.length
    await carol.req('PUT', `/devices/${carol.deviceId}`, { display_name: 'newer' })
    await alice.req('PUT', `/rooms/${enc(roomId)}/send/m.room.message/end`, { msgtype: 'm.text', body: 'end' })
    await until(() => irc.texts.includes('end'))
    assert.deepEqual(
      irc.taken.slice(before).flatMap(({ body }) => Object.keys(body).filter((name) => name === listsName)),
      [],
      'who is gone is of no interest',
    )
  },
)

withService(
  'what waits for devices of a service stays until it is taken',
  { 'org.matrix.msc3202': true },
  async ({ server, irc, bridge }) => {
    const alice = await server.login('alice')
    const bob = await bridge.ghost('_irc_bob')
    await bridge.ask('PUT', '/devices/IRC', {}, bob)
    let refusals = 0
    irc.answer = ({ body }) => (body.includes(mailName) && ++refusals <= 1 ? { status: 502, json: {} } : undefined)
    const send = (text: string) =>
      alice.req('PUT', `/sendToDevice/m.test/${text}`, { messages: { [bob]: { '*': { text } } } })
    await send('one')
    await until(() => refusals > 0)
    await send('two')
    const mail = () => irc.taken.flatMap(({ body }) => (body[mailName] ?? []) as Mail[])
    await until(() => mail().length >= 2)
    assert.deepEqual(
      mail().map(({ content }) => content['text']),
      ['one', 'two'],
    )
  },
)

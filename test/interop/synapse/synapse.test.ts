import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { serverOf } from '../../../src/matrix/ids.ts'
import { agree, membership, oneWorld, stands, tells, until } from './world.ts'

const enc = encodeURIComponent
const { skip, world, fresh, close } = oneWorld()
after(close)

for (const version of ['6', '10', '11', '12']) {
  test(`somebody of Synapse joins a room of ours, version ${version}, and both talk`, { skip }, async () => {
    const { latchkey, synapse: theirs } = await world()
    const [alice, bob] = [await latchkey.login(fresh('alice')), await theirs.register(fresh('bob'))]
    const roomId = await alice.createRoom({ preset: 'public_chat', name: 'Ours', room_version: version })
    await bob.req('POST', `/join/${enc(roomId)}?server_name=${latchkey.name}&via=${latchkey.name}`, {})
    await stands([alice, bob], roomId, bob.userId, 'join')
    await tells(alice, bob, roomId, 'from Latchkey')
    await tells(bob, alice, roomId, 'from Synapse')
    await alice.setState(roomId, 'm.room.topic', { topic: 'how it goes' })
    await agree(alice, bob, roomId)
  })

  test(`somebody of ours joins a room of Synapse, version ${version}, and both talk`, { skip }, async () => {
    const { latchkey, synapse: theirs } = await world()
    const [alice, bob] = [await latchkey.login(fresh('alice')), await theirs.register(fresh('bob'))]
    const roomId = await bob.createRoom({ preset: 'public_chat', name: 'Theirs', room_version: version })
    await alice.req('POST', `/join/${enc(roomId)}?via=${theirs.name}`, {})
    await stands([alice, bob], roomId, alice.userId, 'join')
    await tells(alice, bob, roomId, 'from Latchkey')
    await tells(bob, alice, roomId, 'from Synapse')
    await bob.setState(roomId, 'm.room.topic', { topic: 'how it goes' })
    await agree(alice, bob, roomId)
  })

  test(`invitations, leaving, putting out and banning, both ways, version ${version}`, { skip }, async () => {
    const { latchkey, synapse: theirs } = await world()
    const [alice, bob] = [await latchkey.login(fresh('alice')), await theirs.register(fresh('bob'))]
    for (const [host, guest] of [
      [alice, bob],
      [bob, alice],
    ] as const) {
      const roomId = await host.createRoom({ preset: 'private_chat', name: 'Behind doors', room_version: version })
      await host.invite(roomId, guest.userId)
      const told = await until('the guest is told', async () => (await guest.sync()).rooms?.invite?.[roomId])
      assert.ok(told.invite_state.events.some(({ content }) => content['name'] === 'Behind doors'))
      await guest.join(roomId)
      await stands([host, guest], roomId, guest.userId, 'join')
      await tells(guest, host, roomId, 'I am in')
      await guest.leave(roomId)
      await stands([host], roomId, guest.userId, 'leave')

      await host.invite(roomId, guest.userId)
      await until('the guest is told again', async () => (await guest.sync()).rooms?.invite?.[roomId])
      await guest.leave(roomId)
      await stands([host], roomId, guest.userId, 'leave')

      await host.invite(roomId, guest.userId)
      await until('the guest is told a third time', async () => (await guest.sync()).rooms?.invite?.[roomId])
      await guest.join(roomId)
      await stands([host, guest], roomId, guest.userId, 'join')
      await tells(host, guest, roomId, 'welcome back')
      await host.req('POST', `/rooms/${enc(roomId)}/kick`, { user_id: guest.userId, reason: 'enough' })
      await stands([host], roomId, guest.userId, 'leave')
      await until('the guest is out', async () => (await guest.sync()).rooms?.leave?.[roomId])

      await host.invite(roomId, guest.userId)
      await until('the guest is told a fourth time', async () => (await guest.sync()).rooms?.invite?.[roomId])
      await guest.join(roomId)
      await stands([host, guest], roomId, guest.userId, 'join')
      await host.req('POST', `/rooms/${enc(roomId)}/ban`, { user_id: guest.userId })
      await until('the guest is out for good', async () => (await guest.sync()).rooms?.leave?.[roomId])
      assert.equal(await membership(host, roomId, guest.userId), 'ban')
      assert.equal((await guest.ask('POST', `/join/${enc(roomId)}?via=${serverOf(host.userId)}`, {})).status, 403)
    }
  })
}

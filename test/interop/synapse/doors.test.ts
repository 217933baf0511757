// Ways into rooms that are not open: knocking, and being a member of another room.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { serverOf } from '../../../src/matrix/ids.ts'
import { agree, membership, oneWorld, stands, tells, until } from './world.ts'

const enc = encodeURIComponent
const { skip, world, fresh, close } = oneWorld()
after(close)

for (const hostIs of ['Latchkey', 'Synapse']) {
  for (const version of ['10', '12'])
    test(
      `somebody knocks at a room of ${hostIs}, is invited, and another no longer, version ${version}`,
      { skip },
      async () => {
        const { latchkey, synapse: theirs } = await world()
        const [alice, bob] = [await latchkey.login(fresh('alice')), await theirs.register(fresh('bob'))]
        const [host, guest] = hostIs === 'Latchkey' ? [alice, bob] : [bob, alice]
        const roomId = await host.createRoom({
          preset: 'private_chat',
          name: 'Knock first',
          room_version: version,
          initial_state: [{ type: 'm.room.join_rules', state_key: '', content: { join_rule: 'knock' } }],
        })
        const via = `server_name=${serverOf(host.userId)}&via=${serverOf(host.userId)}`
        await guest.req('POST', `/knock/${enc(roomId)}?${via}`, { reason: 'let me in' })
        const told = await until('the guest sees the knock', async () => (await guest.sync()).rooms?.knock?.[roomId])
        assert.ok(told.knock_state.events.some(({ content }) => content['name'] === 'Knock first'))
        await stands([host], roomId, guest.userId, 'knock')
        // Taken back, and made again. Of a knock that its own people take back Synapse tells nobody.
        if (guest === alice) {
          await guest.leave(roomId)
          await stands([host], roomId, guest.userId, 'leave')
          await guest.req('POST', `/knock/${enc(roomId)}?${via}`, {})
          await stands([host], roomId, guest.userId, 'knock')
        }
        await host.invite(roomId, guest.userId)
        await until('the guest is invited', async () => (await guest.sync()).rooms?.invite?.[roomId])
        await guest.join(roomId)
        await tells(guest, host, roomId, 'thank you')
        await agree(host, guest, roomId)

        const other =
          hostIs === 'Latchkey' ? await theirs.register(fresh('carol')) : await latchkey.login(fresh('carol'))
        // Of a knock that is turned down Synapse neither tells nor hears; of an invitation that is taken back it does.
        await host.invite(roomId, other.userId)
        await until('the other is invited', async () => (await other.sync()).rooms?.invite?.[roomId])
        await host.req('POST', `/rooms/${enc(roomId)}/kick`, { user_id: other.userId })
        await until('the invitation is taken back', async () => (await other.sync()).rooms?.leave?.[roomId])
      },
    )

  for (const version of ['10', '12'])
    test(
      `members of one room come into another of ${hostIs}, and nobody else, version ${version}`,
      { skip },
      async () => {
        const { latchkey, synapse: theirs } = await world()
        const [alice, bob] = [await latchkey.login(fresh('alice')), await theirs.register(fresh('bob'))]
        const [host, guest] = hostIs === 'Latchkey' ? [alice, bob] : [bob, alice]
        const club = await host.createRoom({ preset: 'public_chat', room_version: version })
        const roomId = await host.createRoom({
          preset: 'private_chat',
          room_version: version,
          initial_state: [
            {
              type: 'm.room.join_rules',
              state_key: '',
              content: { join_rule: 'restricted', allow: [{ type: 'm.room_membership', room_id: club }] },
            },
          ],
        })
        const via = `server_name=${serverOf(host.userId)}&via=${serverOf(host.userId)}`
        const join = (room: string) => guest.ask('POST', `/join/${enc(room)}?${via}`, {})
        assert.equal((await join(roomId)).status, 403)
        assert.equal((await join(club)).status, 200)
        await stands([host], club, guest.userId, 'join')
        const answer = await join(roomId)
        assert.equal(answer.status, 200, JSON.stringify(answer.body))
        await tells(guest, host, roomId, 'a member')
        assert.equal(await membership(host, roomId, guest.userId), 'join')
        await agree(host, guest, roomId)
      },
    )
}

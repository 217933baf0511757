import { each, row } from '../measure.ts'
import type { Scenario } from '../scenario.ts'
import { sendLoop, sharedRoom } from '../sending.ts'

export const sends: Scenario = {
  name: 'sends',
  about: 'messages sent: sequential, 10 and 100 connections in one room, 100 connections over 100 rooms',
  run: async (target) => {
    const users = await target.newUsers(100)
    const rows = []
    for (const count of [1, 10, 100]) {
      const members = users.slice(0, count)
      const room = await sharedRoom(target, members)
      rows.push(
        row(
          'sends',
          count === 1 ? '1 connection' : `${count} connections, 1 room`,
          await sendLoop(target, members, [room]),
          { rate: true },
        ),
      )
    }
    const rooms: string[] = []
    await each(users, 8, async (user, index) => {
      rooms[index] = await target.createRoom(user)
    })
    rows.push(row('sends', '100 connections, 100 rooms', await sendLoop(target, users, rooms), { rate: true }))
    return rows
  },
}

import type { Account } from '../accounts.ts'
import { closedLoop, each, row, type Row } from '../measure.ts'
import type { Scenario } from '../scenario.ts'
import { fill, sendLoop, sharedRoom } from '../sending.ts'
import type { Target } from '../target.ts'
import { buildRequest } from '../wire.ts'

/** Rooms for a hundredth of the messages, so that both kinds of growth take about as long. */
const messagesPerRoom = 100

async function lengthOfRoom(target: Target, users: Account[]): Promise<Row[]> {
  const rows: Row[] = []
  const room = await sharedRoom(target, users)
  let length = 0
  for (const wanted of target.options.growth) {
    target.say(`a room of ${wanted} messages`)
    await fill(target, users, room, Math.max(0, wanted - length))
    const one = await sendLoop(target, users.slice(0, 1), [room])
    const ten = await sendLoop(target, users, [room])
    const path = `/_matrix/client/v3/rooms/${encodeURIComponent(room)}/messages?dir=b&limit=50`
    const request = buildRequest(target.origin, 'GET', path, { token: users[0]?.token })
    const pages = await closedLoop(target, {
      connections: target.connect(1),
      seconds: target.options.duration / 2,
      next: () => request,
    })
    length = wanted + one.values.length + ten.values.length
    rows.push(
      row('growth', `send, 1 connection, room of ${wanted} messages`, one, { rate: true }),
      row('growth', `send, 10 connections, room of ${wanted} messages`, ten, { rate: true }),
      row('growth', `newest 50 messages, room of ${wanted} messages`, pages, { rate: true }),
    )
  }
  return rows
}

async function numberOfRooms(target: Target, users: Account[]): Promise<Row[]> {
  const rows: Row[] = []
  const room = await sharedRoom(target, users)
  let count = 1
  for (const wanted of target.options.growth.map((messages) => Math.ceil(messages / messagesPerRoom))) {
    target.say(`${wanted} rooms`)
    await each(
      Array.from({ length: Math.max(0, wanted - count) }, (_, index) => index),
      8,
      async (index) => {
        const owner = users[index % users.length]
        if (owner) await target.createRoom(owner)
      },
    )
    count = Math.max(count, wanted)
    rows.push(
      row('growth', `send, 10 connections, users in ${wanted} rooms`, await sendLoop(target, users, [room]), {
        rate: true,
      }),
    )
  }
  return rows
}

export const growth: Scenario = {
  name: 'growth',
  about: 'the same sends after 10 and 100 times the data',
  run: async (target) => {
    const users = await target.newUsers(10)
    return [...(await lengthOfRoom(target, users)), ...(await numberOfRooms(target, users))]
  },
}

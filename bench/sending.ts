// Messages: the requests that most scenarios write.
import type { Account } from './accounts.ts'
import { closedLoop, each, type Sample } from './measure.ts'
import type { Target } from './target.ts'
import { buildRequest } from './wire.ts'

const digits = 9
let transactions = 0

/** A send request whose transaction id is counted up in place each time it is asked for. The buffer is written before it changes again. */
export function messageRequest(target: Target, account: Account, roomId: string): () => Buffer {
  const prefix = `bench-${Date.now().toString(36)}-${(transactions++).toString(36)}-`
  const path = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/send/m.room.message/${prefix}${'0'.repeat(digits)}`
  const body = JSON.stringify({
    msgtype: 'm.text',
    body: 'The quick brown fox jumps over the lazy dog, again and again.',
  })
  const request = buildRequest(target.origin, 'PUT', path, { token: account.token, body })
  const at = request.indexOf(prefix) + prefix.length
  let count = 0
  return () => {
    request.write(String(count++).padStart(digits, '0'), at, 'latin1')
    return request
  }
}

/** A room that all of `members` are in, the first of them its owner. */
export async function sharedRoom(
  target: Target,
  members: Account[],
  options: Record<string, unknown> = {},
): Promise<string> {
  const [owner, ...others] = members
  if (!owner) throw new Error('a room needs somebody')
  const roomId = await target.createRoom(owner, options)
  await each(others, 8, (account) => target.join(account, roomId))
  return roomId
}

/** One connection per user, each sending as fast as it is answered; user `n` into `rooms[n % rooms.length]`. */
export async function sendLoop(
  target: Target,
  users: Account[],
  rooms: string[],
  seconds = target.options.duration,
): Promise<Sample> {
  const connections = target.connect(users.length)
  const requests = users.map((user, index) => messageRequest(target, user, rooms[index % rooms.length] ?? ''))
  const sample = await closedLoop(target, {
    connections,
    seconds,
    next: (worker) => requests[worker]?.() ?? Buffer.alloc(0),
  })
  for (const connection of connections) connection.close()
  return sample
}

/** Sends `count` messages into a room over the given users, as fast as they are answered. */
export async function fill(target: Target, users: Account[], roomId: string, count: number): Promise<void> {
  const connections = target.connect(users.length)
  let left = count
  await Promise.all(
    connections.map(async (connection, index) => {
      const user = users[index]
      if (!user) return
      const next = messageRequest(target, user, roomId)
      while (left-- > 0) {
        const { status, body } = await connection.exchange(next())
        if (status >= 300) throw new Error(`a message was refused: ${status} ${body.toString().slice(0, 200)}`)
      }
    }),
  )
  for (const connection of connections) connection.close()
}

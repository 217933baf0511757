import type { Account } from '../accounts.ts'
import { closedLoop, row, sampleOf, type Sample } from '../measure.ts'
import type { Scenario } from '../scenario.ts'
import { messageRequest, sharedRoom } from '../sending.ts'
import type { Target } from '../target.ts'
import { buildRequest } from '../wire.ts'
import { reader } from './initial-sync.ts'

const nextBatch = (body: Buffer): string => (JSON.parse(body.toString()) as { next_batch: string }).next_batch
const sync = (target: Target, account: Account, since?: string, timeout = 0): Buffer =>
  buildRequest(
    target.origin,
    'GET',
    `/_matrix/client/v3/sync?timeout=${timeout}${since === undefined ? '' : `&since=${since}`}`,
    { token: account.token },
  )

/** Syncs that find nothing new, from ten users at once. */
async function nothingNew(target: Target, users: Account[]): Promise<Sample> {
  const connections = target.connect(users.length)
  const requests = await Promise.all(
    connections.map(async (connection, index) => {
      const user = users[index]
      if (!user) throw new Error('no user')
      const first = await connection.exchange(sync(target, user))
      return sync(target, user, nextBatch((await connection.exchange(sync(target, user, nextBatch(first.body)))).body))
    }),
  )
  return await closedLoop(target, {
    connections,
    seconds: target.options.duration,
    next: (worker) => requests[worker] ?? Buffer.alloc(0),
  })
}

/** Syncs that each bring one new message; only they are timed, not the sending. A sync that comes back without it is gone on with. */
async function oneNew(target: Target, account: Account, sender: Account, roomId: string): Promise<Sample> {
  const [reading, sending] = target.connect(2)
  if (!reading || !sending) throw new Error('no connections')
  const message = messageRequest(target, sender, roomId)
  let since = nextBatch((await reading.exchange(sync(target, account))).body)
  const sample = sampleOf([])
  const end = performance.now() + target.options.duration * 1000
  while (performance.now() < end) {
    await sending.exchange(message())
    const before = performance.now()
    for (let found = false; !found;) {
      const { status, body } = await reading.exchange(sync(target, account, since, 10_000))
      if (status !== 200) throw new Error(`a sync was refused: ${status}`)
      found = body.includes(roomId)
      since = nextBatch(body)
    }
    const elapsed = performance.now() - before
    sample.values.push(elapsed)
    sample.seconds += elapsed / 1000
  }
  return sample
}

export const incrementalSync: Scenario = {
  name: 'incremental-sync',
  about: 'syncs from a recent position',
  run: async (target) => {
    const users = await target.newUsers(10)
    const [one, two] = users
    if (!one || !two) return []
    const room = await sharedRoom(target, users)
    const account = await reader(target)
    await target.join(account, room)
    return [
      row('incremental-sync', 'nothing new, 10 connections', await nothingNew(target, users), { rate: true }),
      row('incremental-sync', 'one new message, 1 connection', await oneNew(target, two, one, room), { rate: true }),
      row(
        'incremental-sync',
        `one new message, account with ${target.options.rooms} rooms`,
        await oneNew(target, account, one, room),
        { rate: true },
      ),
    ]
  },
}

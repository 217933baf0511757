import type { Account } from '../accounts.ts'
import { each, row, sampleOf } from '../measure.ts'
import type { Scenario } from '../scenario.ts'
import type { Target } from '../target.ts'
import { buildRequest } from '../wire.ts'

const owners = 10
const readers = new WeakMap<Target, Account>()

/** A user in `options.rooms` rooms that others made and said something in; made once per run. */
export async function reader(target: Target): Promise<Account> {
  const [known, count] = [readers.get(target), target.options.rooms]
  if (known) return known
  const [account, ...others] = await target.newUsers(owners + 1)
  if (!account) throw new Error('no user')
  target.say(`${count} rooms for one account`)
  await each(
    Array.from({ length: count }, (_, index) => index),
    8,
    async (index) => {
      const owner = others[index % owners]
      if (!owner) return
      const roomId = await target.createRoom(owner, { name: `Room ${index}` })
      await target.join(account, roomId)
      const path = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/send/m.room.message/hello`
      await target.call(owner, 'PUT', path, { msgtype: 'm.text', body: `Welcome to room ${index}` })
    },
  )
  readers.set(target, account)
  return account
}

export const initialSync: Scenario = {
  name: 'initial-sync',
  about: 'the first sync of an account with many rooms',
  run: async (target) => {
    const account = await reader(target)
    const [connection] = target.connect(1)
    const lazy = encodeURIComponent(JSON.stringify({ room: { state: { lazy_load_members: true } } }))
    const rows = []
    for (const [what, query] of [
      ['', ''],
      [', lazy-loaded members', `&filter=${lazy}`],
    ] as const) {
      const sample = sampleOf([])
      let bytes = 0
      const end = performance.now() + target.options.duration * 1000
      // A timeout of its own for each request: a server may answer the very same request twice out of a cache.
      for (let turn = 0; turn < 3 || performance.now() < end; turn++) {
        const before = performance.now()
        const answer = await connection?.exchange(
          buildRequest(target.origin, 'GET', `/_matrix/client/v3/sync?timeout=${turn}${query}`, {
            token: account.token,
          }),
        )
        sample.values.push(performance.now() - before)
        if (answer?.status !== 200) throw new Error(`a sync was refused: ${answer?.status}`)
        bytes = answer.body.length
      }
      rows.push(
        row('initial-sync', `${target.options.rooms} rooms${what}`, sample, {
          note: `${Math.round(bytes / 1024)} KiB`,
        }),
      )
    }
    return rows
  },
}

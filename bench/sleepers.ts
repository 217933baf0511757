// Clients that wait in a long poll and should be woken by nothing.
import type { Account } from './accounts.ts'
import { each } from './measure.ts'
import { sharedRoom } from './sending.ts'
import type { Target } from './target.ts'
import { buildRequest } from './wire.ts'

const roomSize = 100
const housed = new WeakSet<Account>()
const filter = encodeURIComponent(JSON.stringify({ room: { timeline: { limit: 1 } }, presence: { types: [] } }))

/** Puts users into rooms of a hundred of their own, once per run. */
async function house(target: Target, users: Account[]): Promise<void> {
  const homeless = users.filter((user) => !housed.has(user))
  for (let at = 0; at < homeless.length; at += roomSize) {
    const group = homeless.slice(at, at + roomSize)
    await sharedRoom(target, group)
    for (const user of group) housed.add(user)
  }
}

export interface Sleepers {
  /** How often a sleeping sync has answered although nothing was to be told. */
  woken: () => number
  wake: () => void
}

/** Opens a sleeping sync for each of the first `count` users of the run; resolves when all of them sleep. */
export async function putToSleep(target: Target, count: number): Promise<Sleepers> {
  target.say(`${count} sleeping syncs: accounts and rooms`)
  const users = await target.users(count)
  await house(target, users)
  target.say(`${count} sleeping syncs: going to sleep`)
  const connections = target.connect(count)
  const state = { woken: 0, awake: false }
  const poll = (user: Account, since: string | undefined, timeout: number): Buffer =>
    buildRequest(
      target.origin,
      'GET',
      `/_matrix/client/v3/sync?filter=${filter}&set_presence=offline&timeout=${timeout}${since === undefined ? '' : `&since=${since}`}`,
      { token: user.token },
    )
  const asleep = async (index: number, user: Account, from: string): Promise<void> => {
    for (let since = from; !state.awake;) {
      const answer = await connections[index]?.exchange(poll(user, since, 600_000)).catch(() => undefined)
      if (state.awake || answer?.status !== 200) return
      state.woken++
      since = (JSON.parse(answer.body.toString()) as { next_batch: string }).next_batch
    }
  }
  await each(users, 16, async (user, index) => {
    let since: string | undefined
    // The second answer is empty as a rule: whatever the making of rooms still had to tell is out by then.
    for (let round = 0; round < 2; round++) {
      const answer = await connections[index]?.exchange(poll(user, since, 0))
      if (answer?.status !== 200)
        throw new Error(`a sync was refused: ${answer?.status} ${answer?.body.toString().slice(0, 200)}`)
      since = (JSON.parse(answer.body.toString()) as { next_batch: string }).next_batch
    }
    void asleep(index, user, since ?? '')
  })
  await new Promise((resolve) => setTimeout(resolve, 1000))
  state.woken = 0
  return {
    woken: () => state.woken,
    wake: () => {
      state.awake = true
      for (const connection of connections) connection.close()
    },
  }
}

import type { Account } from '../accounts.ts'
import { each, row } from '../measure.ts'
import type { Scenario } from '../scenario.ts'
import { sendLoop, sharedRoom } from '../sending.ts'
import type { Target } from '../target.ts'

/** Every tenth member has a pusher, so that each message is looked at for them at once, and a rule that nobody else has. */
const share = 10

const gateway = 'https://push.bench.invalid/_matrix/push/v1/notify'

async function letKnow(target: Target, account: Account, roomId: string, index: number): Promise<void> {
  const rules = '/_matrix/client/v3/pushrules/global'
  await target.call(account, 'PUT', `${rules}/content/word`, { pattern: `unheard${index}`, actions: ['notify'] })
  // Told of by nothing but the keyword: what is measured is looking at the rules, not a gateway.
  await target.call(account, 'PUT', `${rules}/room/${encodeURIComponent(roomId)}`, { actions: [] })
  await target.call(account, 'POST', '/_matrix/client/v3/pushers/set', {
    kind: 'http',
    app_id: 'bench',
    pushkey: `key-${index}`,
    app_display_name: 'bench',
    device_display_name: 'bench',
    lang: 'en',
    data: { url: gateway },
  })
}

export const push: Scenario = {
  name: 'push',
  about: 'messages in a room with very many members, whose push rules are looked at for each',
  run: async (target) => {
    const { members } = target.options
    target.say(`a room with ${members} members`)
    const users = await target.users(members)
    const senders = users.slice(0, 10)
    const room = await sharedRoom(target, users)
    const step = async (what: string) => row('push', what, await sendLoop(target, senders, [room]), { rate: true })
    const plain = await step(`send, 10 connections, ${members} members`)
    const watchers = users.slice(10).filter((_, index) => index % share === 0)
    target.say(`${watchers.length} pushers`)
    await each(watchers, 8, (account, index) => letKnow(target, account, room, index))
    return [plain, await step(`the same, ${watchers.length} with a pusher and rules of their own`)]
  },
}

import { each, row, sampleOf } from '../measure.ts'
import type { Scenario } from '../scenario.ts'
import { buildRequest } from '../wire.ts'

const joiners = 50

export const joinBigRoom: Scenario = {
  name: 'join-big-room',
  about: 'joining a room with very many members',
  run: async (target) => {
    const { members } = target.options
    target.say(`a room with ${members} members`)
    const [owner, ...others] = await target.users(members)
    if (!owner) return []
    const roomId = await target.createRoom(owner)
    const filling = performance.now()
    await each(others, 8, (account) => target.join(account, roomId))
    const perSecond = (others.length * 1000) / (performance.now() - filling)
    const [join, sync] = [sampleOf([]), sampleOf([])]
    const [connection] = target.connect(1)
    const filter = encodeURIComponent(JSON.stringify({ room: { state: { lazy_load_members: true } } }))
    const timed = async (request: Buffer): Promise<number> => {
      const before = performance.now()
      const answer = await connection?.exchange(request)
      if (answer?.status !== 200) throw new Error(`refused: ${answer?.status} ${answer?.body.toString().slice(0, 200)}`)
      return performance.now() - before
    }
    for (const { token } of await target.newUsers(joiners)) {
      join.values.push(
        await timed(
          buildRequest(target.origin, 'POST', `/_matrix/client/v3/join/${encodeURIComponent(roomId)}`, {
            token,
            body: '{}',
          }),
        ),
      )
      sync.values.push(
        await timed(
          buildRequest(target.origin, 'GET', `/_matrix/client/v3/sync?timeout=0&filter=${filter}`, { token }),
        ),
      )
    }
    return [
      row('join-big-room', `join, ${members} members`, join, {
        note: `filled at ${Math.round(perSecond)} joins/s over 8 connections`,
      }),
      row('join-big-room', 'first sync after it, lazy-loaded members', sync),
    ]
  },
}

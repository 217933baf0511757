import type { Account } from '../accounts.ts'
import { row, sampleOf, type Row, type Sample } from '../measure.ts'
import type { Scenario } from '../scenario.ts'
import { sharedRoom } from '../sending.ts'
import type { Target } from '../target.ts'
import { buildRequest, type Connection } from '../wire.ts'
import { reader } from './initial-sync.ts'

/** What a mobile client wants of every room in its list. */
const requiredState = [
  ['m.room.name', ''],
  ['m.room.encryption', ''],
  ['m.room.member', '$LAZY'],
  ['m.room.member', '$ME'],
  ['m.room.topic', ''],
  ['m.room.avatar', ''],
  ['m.room.canonical_alias', ''],
  ['m.room.power_levels', ''],
  ['m.room.join_rules', ''],
  ['m.room.tombstone', ''],
  ['m.room.create', ''],
  ['m.room.history_visibility', ''],
  ['m.space.parent', '*'],
  ['m.space.child', '*'],
]
const path = '/_matrix/client/unstable/org.matrix.simplified_msc3575/sync'
const pause = 10
const step = 100

interface Reply {
  pos: string
  lists: { all: { count: number } }
}

/** One connection of an account, with a window from the top of its list. */
function slider(
  target: Target,
  connection: Connection,
  account: Account,
  connId: string,
): (last: number, timeout?: number, fresh?: boolean) => Promise<Reply & { text: string }> {
  let pos: string | undefined
  return async (last, timeout = 0, fresh = false) => {
    const body = JSON.stringify({
      conn_id: connId,
      lists: { all: { ranges: [[0, last]], timeline_limit: 1, required_state: requiredState } },
      extensions: { account_data: { enabled: true }, receipts: { enabled: true }, typing: { enabled: true } },
    })
    const from = fresh || pos === undefined ? '' : `&pos=${encodeURIComponent(pos)}`
    const { status, body: answer } = await connection.exchange(
      buildRequest(target.origin, 'POST', `${path}?timeout=${timeout}${from}`, { token: account.token, body }),
    )
    const text = answer.toString()
    if (status !== 200) throw new Error(`a sliding sync was refused: ${status} ${text.slice(0, 200)}`)
    const reply = JSON.parse(text) as Reply
    pos = reply.pos
    return { ...reply, text }
  }
}

/** Milliseconds for one request after another, until the time is up. */
async function timed(target: Target, least: number, work: () => Promise<unknown>): Promise<Sample> {
  const sample = sampleOf([])
  const begin = performance.now()
  for (let turn = 0; turn < least || performance.now() < begin + target.options.duration * 1000; turn++) {
    const before = performance.now()
    await work()
    sample.values.push(performance.now() - before)
  }
  sample.seconds = (performance.now() - begin) / 1000
  return sample
}

/** From another user's sending to the answer of a sleeping request that has the message, in a room that comes up from below. */
async function onTop(
  target: Target,
  ask: ReturnType<typeof slider>,
  sender: Account,
  rooms: readonly string[],
  last: number,
): Promise<Sample> {
  const [sending] = target.connect(1)
  const sample = sampleOf([])
  if (!sending) return sample
  await ask(last)
  const end = performance.now() + target.options.duration * 1000
  for (let turn = 0; performance.now() < end; turn++) {
    const marker = `top-${turn}-${Date.now().toString(36)}`
    const room = encodeURIComponent(rooms[turn % rooms.length] ?? '')
    const message = buildRequest(
      target.origin,
      'PUT',
      `/_matrix/client/v3/rooms/${room}/send/m.room.message/${marker}`,
      { token: sender.token, body: JSON.stringify({ msgtype: 'm.text', body: marker }) },
    )
    let waiting = ask(last, 30_000)
    await new Promise((resolve) => setTimeout(resolve, pause))
    const before = performance.now()
    const sent = sending.exchange(message)
    while (!(await waiting).text.includes(marker)) waiting = ask(last, 30_000)
    sample.values.push(performance.now() - before)
    const { status } = await sent
    if (status >= 300) throw new Error(`a message was refused: ${status}`)
  }
  return sample
}

/** First windows that a server answers which has just been started. */
async function afterRestarts(target: Target, ask: ReturnType<typeof slider>): Promise<Sample | undefined> {
  const { server } = target
  if (!server) return undefined
  const sample = sampleOf([])
  for (let turn = 0; turn < 3; turn++) {
    await server.stop()
    await server.start()
    const before = performance.now()
    await ask(19, 0, true)
    sample.values.push(performance.now() - before)
  }
  return sample
}

export const slidingSync: Scenario = {
  name: 'sliding-sync',
  about: 'the list of rooms as a mobile client loads and follows it',
  run: async (target) => {
    const account = await reader(target)
    const [sender] = await target.newUsers(1)
    const [connection] = target.connect(1)
    const versions = await target.call<{ unstable_features?: Record<string, boolean> }>(
      undefined,
      'GET',
      '/_matrix/client/versions',
    )
    if (!sender || !connection || !versions.unstable_features?.['org.matrix.simplified_msc3575']) return []
    const quiet: string[] = []
    for (let index = 0; index < 20; index++)
      quiet.push(await sharedRoom(target, [sender, account], { name: `Quiet ${index}` }))
    const ask = slider(target, connection, account, 'bench')
    const rows: Row[] = []
    const cold = await afterRestarts(target, ask)
    const { count } = (await ask(19)).lists.all
    const what = `${count} rooms`
    if (cold) rows.push(row('sliding-sync', `${what}, first window of 20, just started`, cold))
    rows.push(row('sliding-sync', `${what}, first window of 20`, await timed(target, 3, () => ask(19, 0, true))))
    const growth = sampleOf([])
    await ask(19, 0, true)
    for (let last = 19 + step; last < count + step; last += step) {
      const before = performance.now()
      await ask(last)
      growth.values.push(performance.now() - before)
    }
    rows.push(row('sliding-sync', `${what}, ${step} more`, growth))
    rows.push(
      row('sliding-sync', `${what}, all followed, nothing new`, await timed(target, 3, () => ask(count + step)), {
        rate: true,
      }),
    )
    rows.push(
      row(
        'sliding-sync',
        `${what}, all followed, a message on top`,
        await onTop(target, ask, sender, quiet, count + step),
      ),
    )
    await ask(9, 0, true)
    rows.push(
      row('sliding-sync', `${what}, window of 10, a message on top`, await onTop(target, ask, sender, quiet, 9)),
    )
    return rows
  },
}

import type { Account } from '../accounts.ts'
import { row, sampleOf, type Sample } from '../measure.ts'
import type { Scenario } from '../scenario.ts'
import { sharedRoom } from '../sending.ts'
import { putToSleep } from '../sleepers.ts'
import type { Target } from '../target.ts'
import { buildRequest } from '../wire.ts'

/** Between two messages, so that the server is at rest and the reader waits again. */
const pause = 10

/** Milliseconds from writing a message to the answer of another user's sleeping sync that has it, again and again. */
async function pingPong(target: Target, sender: Account, reader: Account, roomId: string): Promise<Sample> {
  const [sending, reading] = target.connect(2)
  if (!sending || !reading) throw new Error('no connections')
  const sync = (since: string, timeout: number): Buffer =>
    buildRequest(target.origin, 'GET', `/_matrix/client/v3/sync?timeout=${timeout}${since && `&since=${since}`}`, {
      token: reader.token,
    })
  const nextBatch = (body: Buffer): string => (JSON.parse(body.toString()) as { next_batch: string }).next_batch
  let since = nextBatch((await reading.exchange(sync('', 0))).body)
  const sample = sampleOf([])
  const end = performance.now() + target.options.duration * 1000
  for (let turn = 0; performance.now() < end; turn++) {
    const marker = `ping-${turn}-${Date.now().toString(36)}`
    const path = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/send/m.room.message/${marker}`
    const message = buildRequest(target.origin, 'PUT', path, {
      token: sender.token,
      body: JSON.stringify({ msgtype: 'm.text', body: marker }),
    })
    let waiting = reading.exchange(sync(since, 30_000))
    await new Promise((resolve) => setTimeout(resolve, pause))
    const before = performance.now()
    const sent = sending.exchange(message)
    for (;;) {
      const answer = await waiting
      const after = performance.now()
      if (answer.status !== 200) throw new Error(`a sync was refused: ${answer.status}`)
      since = nextBatch(answer.body)
      if (answer.body.includes(marker)) {
        if (turn >= 10) sample.values.push(after - before)
        break
      }
      waiting = reading.exchange(sync(since, 30_000))
    }
    const { status, body } = await sent
    if (status >= 300) throw new Error(`a message was refused: ${status} ${body.toString().slice(0, 200)}`)
  }
  sending.close()
  reading.close()
  return sample
}

export const sendToSync: Scenario = {
  name: 'send-to-sync',
  about: 'from one user sending to another user seeing, beside sleeping syncs',
  run: async (target) => {
    const [sender, reader] = await target.newUsers(2)
    if (!sender || !reader) return []
    const room = await sharedRoom(target, [sender, reader])
    const rows = [row('send-to-sync', 'nobody else', await pingPong(target, sender, reader, room))]
    for (const count of target.options.sleepers) {
      const sleepers = await putToSleep(target, count)
      const sample = await pingPong(target, sender, reader, room)
      rows.push(
        row(
          'send-to-sync',
          `${count} sleeping syncs`,
          sample,
          sleepers.woken() ? { note: `${sleepers.woken()} sleepers woken` } : {},
        ),
      )
      sleepers.wake()
    }
    return rows
  },
}

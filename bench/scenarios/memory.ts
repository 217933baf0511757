import { row, sampleOf, type Row } from '../measure.ts'
import type { Scenario } from '../scenario.ts'
import { residentBytes } from '../server.ts'
import { putToSleep } from '../sleepers.ts'

const mebi = 2 ** 20
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 3000))

export const memory: Scenario = {
  name: 'memory',
  about: 'resident memory, idle and per 1,000 connected clients',
  run: async (target) => {
    const clients = Math.min(1000, ...target.options.sleepers)
    const line = (what: string, bytes: number, note?: string): Row =>
      row('memory', what, sampleOf([bytes / mebi]), { unit: 'MB', ...(note === undefined ? {} : { note }) })
    const resident = (): number => residentBytes(target.pid()) ?? NaN
    if (Number.isNaN(resident())) return []
    const restart = async (): Promise<void> => {
      target.closeConnections()
      await target.server?.stop()
      await target.server?.start()
    }
    if (target.server) await restart()
    await settle()
    const idle = line('idle', resident(), target.server ? 'freshly started' : 'as it was found')
    // The scene is set before the restart, so that what remains of setting it does not count for the clients.
    const before = await putToSleep(target, clients)
    before.wake()
    if (target.server) await restart()
    await settle()
    const alone = resident()
    const sleepers = await putToSleep(target, clients)
    await settle()
    const connected = resident()
    sleepers.wake()
    return [
      idle,
      line(`${clients} clients connected`, connected),
      line('per 1,000 clients', ((connected - alone) * 1000) / clients),
    ]
  },
}

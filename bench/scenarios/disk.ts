import { row, sampleOf } from '../measure.ts'
import type { Scenario } from '../scenario.ts'
import { fill, sharedRoom } from '../sending.ts'
import { folderBytes } from '../server.ts'

const messages = 10_000

export const disk: Scenario = {
  name: 'disk',
  about: 'bytes on disk per message',
  run: async (target) => {
    const folder = target.server?.dataDir ?? target.options.dataDir
    // A database elsewhere keeps its bytes to itself.
    if (folder === undefined || target.options.database?.startsWith('postgres')) return []
    const users = await target.newUsers(10)
    const room = await sharedRoom(target, users)
    // Measured while the server is stopped, if that is ours to do: only then has the write-ahead log gone into the database.
    const size = async (): Promise<number> => {
      target.closeConnections()
      await target.server?.stop()
      const bytes = folderBytes(folder)
      await target.server?.start()
      return bytes
    }
    const before = await size()
    await fill(target, users, room, messages)
    const after = await size()
    return [
      row('disk', 'per message', sampleOf([(after - before) / messages]), {
        unit: 'bytes',
        note: `${messages} messages of about 60 characters${target.server ? '' : ', server running'}`,
      }),
    ]
  },
}

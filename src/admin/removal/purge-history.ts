import { MatrixError } from '../../matrix/errors.ts'
import { own } from '../../matrix/json.ts'
import type { TaskWork } from '../tasks.ts'
import type { RemovalDeps } from './deps.ts'

const numberIn = (value: unknown, otherwise: number): number => (typeof value === 'number' ? value : otherwise)

/** Takes the messages of a room from before a position away. State stays, as do the newest events; by default also what was said here. */
export const purgeHistory =
  ({ rooms }: RemovalDeps): TaskWork =>
  async (run) => {
    const { params, result, resource } = run
    const room = await rooms.find(resource)
    if (!room) throw new MatrixError('M_NOT_FOUND', 'Room not found')
    const before = numberIn(own(params, 'before'), Number.MIN_SAFE_INTEGER)
    const foreign = own(params, 'delete_local_events') !== true
    let count = numberIn(own(result, 'purged_events'), 0)
    let after: number | undefined = numberIn(own(result, 'after'), Number.MIN_SAFE_INTEGER)
    for (let step = 1; after !== undefined; step++) {
      const { dropped, next } = await rooms.removal.dropMessages(room.nid, { after, before, foreign })
      count += dropped
      after = next
      if (step % 50 === 0 || after === undefined) {
        Object.assign(result, { purged_events: count, ...(after !== undefined && { after }) })
        await run.save()
      }
      await run.pause()
    }
  }

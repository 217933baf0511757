import { MatrixError } from '../matrix/errors.ts'
import type { Database } from '../storage/index.ts'
import { addBlock, deleteBlock, readBlocks } from './store.ts'

/** Rooms that nobody of this server may enter, by the word of an administrator, whether the server knows them or not. */
export interface Blocks {
  /** Who has blocked the room. */
  by(roomId: string): string | undefined
  /** @throws MatrixError M_FORBIDDEN where it is blocked */
  mustBeOpen(roomId: string): void
  block(roomId: string, by: string): Promise<void>
  unblock(roomId: string): Promise<void>
}

const most = 100_000

export async function openBlocks({ database, now }: { database: Database; now: () => number }): Promise<Blocks> {
  const blocks = new Map((await readBlocks(database.read, most)).map((row) => [row.room_id, row.blocked_by]))
  return {
    by: (roomId) => blocks.get(roomId),
    mustBeOpen: (roomId) => {
      if (blocks.has(roomId)) throw new MatrixError('M_FORBIDDEN', 'This room has been blocked on this server')
    },
    block: async (roomId, by) => {
      if (!blocks.has(roomId) && blocks.size >= most)
        throw new MatrixError('M_LIMIT_EXCEEDED', `There can be ${most} blocked rooms: unblock some first`)
      await database.write((tx) => addBlock(tx, { room_id: roomId, blocked_by: by, blocked_ts: now() }))
      if (!blocks.has(roomId)) blocks.set(roomId, by)
    },
    unblock: async (roomId) => {
      await database.write((tx) => deleteBlock(tx, roomId))
      blocks.delete(roomId)
    },
  }
}

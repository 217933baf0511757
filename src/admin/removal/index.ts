import type { TaskWork } from '../tasks.ts'
import { deleteRoom } from './delete-room.ts'
import type { RemovalDeps } from './deps.ts'
import { purgeHistory } from './purge-history.ts'
import { redactUser } from './redact-user.ts'

export type { RemovalDeps } from './deps.ts'

/** The kinds of long work that take something away, by what tasks call them. */
export const removalWorks = (deps: RemovalDeps): Record<string, TaskWork> => ({
  delete_room: deleteRoom(deps),
  purge_history: purgeHistory(deps),
  redact_user: redactUser(deps),
})

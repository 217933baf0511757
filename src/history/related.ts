import type { StoredEvent } from '../events/index.ts'
import type { RoomEventFilter } from '../matrix/filter.ts'
import type { Database } from '../storage/index.ts'
import type { Users } from '../users/index.ts'
import { readRelatedBy } from './store/related.ts'

/** Those of the events that have others related to them as the filter asks for; all where it asks for nothing of the kind. */
export async function relatedBy(
  { users, database }: { readonly users: Users; readonly database: Database },
  filter: Pick<RoomEventFilter, 'relatedBySenders' | 'relatedByRelTypes'>,
  list: readonly StoredEvent[],
): Promise<readonly StoredEvent[]> {
  const { relatedBySenders, relatedByRelTypes } = filter
  if (!relatedBySenders && !relatedByRelTypes) return list
  const senders =
    relatedBySenders &&
    (await Promise.all(relatedBySenders.map((userId) => users.find(userId)))).filter((nid) => nid !== undefined)
  // No database is asked for a text that it could not hold.
  const relTypes = relatedByRelTypes?.filter((type) => !type.includes('\0') && type.isWellFormed())
  if (senders?.length === 0 || relTypes?.length === 0) return []
  const related = await readRelatedBy(
    database.read,
    list.map(({ event }) => event.id),
    relTypes,
    senders,
  )
  return list.filter(({ event }) => related.has(event.id))
}

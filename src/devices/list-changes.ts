import type { Log } from '../streams/index.ts'
import type { Database } from '../storage/index.ts'
import { readListChanges } from './store/devices.ts'

/** What a `device_list` entry of the log says besides its user. */
export interface DeviceListNews {
  /** Short ids of devices that are gone. */
  readonly deleted: readonly number[]
}

interface Change {
  readonly position: number
  readonly user: number
}

const kept = 10_000

/** Which users' devices changed lately, from memory as far as that goes back. */
export function openListChanges(database: Database, log: Log): (since: number, until: number) => readonly number[] | Promise<readonly number[]> {
  let start = log.now
  let changes: Change[] = []
  log.listen((entry) => {
    if (entry.kind !== 'device_list' || entry.user === undefined) return
    changes.push({ position: entry.position, user: entry.user })
    if (changes.length <= 2 * kept) return
    start = changes[kept - 1]?.position ?? start
    changes = changes.slice(kept)
  })
  return (since, until) => {
    if (since < start) return readListChanges(database.read, since, until)
    const users = new Set<number>()
    for (let index = changes.length - 1; index >= 0; index--) {
      const change = changes[index]
      if (!change || change.position <= since) break
      if (change.position <= until) users.add(change.user)
    }
    return [...users]
  }
}

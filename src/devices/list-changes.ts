import type { Log } from '../streams/index.ts'
import type { Database } from '../storage/index.ts'
import { recentUsers } from './recent.ts'
import { readListChanges } from './store/devices.ts'

/** What a `device_list` entry of the log says besides its user. */
export interface DeviceListNews {
  /** Short ids of devices that are gone. */
  readonly deleted: readonly number[]
  /** In an entry that is of no user: whose keys the signer has signed, which is nobody else's business. */
  readonly signed?: { readonly signer: number; readonly targets: readonly number[] }
}

/** Which users' devices changed in `(since, until]`, from memory as far as that goes back. */
export function openListChanges(
  database: Database,
  log: Log,
): (since: number, until: number) => readonly number[] | Promise<readonly number[]> {
  const recent = recentUsers(log, 'device_list')
  return (since, until) => {
    const users = recent.between(since, until)
    return users ? [...users] : readListChanges(database.read, since, until)
  }
}

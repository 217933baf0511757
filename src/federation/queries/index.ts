import type { RemoteProfiles } from '../../users/index.ts'
import type { Database } from '../../storage/index.ts'
import type { Wires } from '../wires.ts'
import { remoteProfiles } from './profiles.ts'

/** What features ask other servers for: each fills a port of theirs. */
export interface Remotes {
  readonly profiles: RemoteProfiles
}

export interface RemotesDeps {
  readonly database: Database
  readonly now: () => number
}

export const openRemotes = (wires: Wires, { database, now }: RemotesDeps): Remotes => ({
  profiles: remoteProfiles(wires, database.memory, now),
})

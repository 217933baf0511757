import type { RemoteDirectory } from '../../directory/index.ts'
import type { RemoteDevices } from '../../devices/index.ts'
import type { RemoteMedia } from '../../media/index.ts'
import type { RemoteProfiles } from '../../users/index.ts'
import type { Database } from '../../storage/index.ts'
import type { Outbound } from '../outbound/index.ts'
import type { Wires } from '../wires.ts'
import { remoteDevices } from './devices.ts'
import { remoteDirectory } from './directory.ts'
import { remoteMedia } from './media.ts'
import { remoteProfiles } from './profiles.ts'

/** What features ask other servers for: each fills a port of theirs. */
export interface Remotes {
  readonly devices: RemoteDevices
  readonly directory: RemoteDirectory
  readonly media: RemoteMedia
  readonly profiles: RemoteProfiles
}

export interface RemotesDeps {
  readonly database: Database
  readonly now: () => number
  readonly randomId: () => string
  /** What leaves messages for other servers; opened after everything that leaves some. */
  readonly post: () => Pick<Outbound, 'leave' | 'sent'>
}

export const openRemotes = (wires: Wires, { database, now, post, randomId }: RemotesDeps): Remotes => ({
  devices: remoteDevices(wires, post, randomId),
  directory: remoteDirectory(wires),
  media: remoteMedia(wires),
  profiles: remoteProfiles(wires, database.memory, now),
})

import type { Devices } from '../devices/index.ts'
import type { Ephemeral } from '../ephemeral/index.ts'
import type { Rooms } from '../events/index.ts'
import type { Database } from '../storage/index.ts'
import type { Log } from '../streams/index.ts'
import type { Users } from '../users/index.ts'
import type { Ask } from './client.ts'
import type { Interest, InterestDeps } from './interest.ts'
import type { Service } from './services.ts'

export interface FollowerDeps {
  readonly database: Database
  readonly log: Log
  readonly rooms: Pick<Rooms, 'peek' | 'byNid' | 'events' | 'of' | 'everywhere'>
  readonly users: Pick<Users, 'namesOf' | 'nameOf' | 'find' | 'peekNid'>
  readonly devices: Pick<Devices, 'list' | 'get' | 'listChanges' | 'toDevice' | 'keys'>
  readonly aliases: InterestDeps['aliases']
  readonly typing: Pick<Ephemeral['typing'], 'in'>
  readonly presence: Pick<Ephemeral['presence'], 'of'>
  readonly ask: Ask
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Between 0 and 1. */
  readonly chance: () => number
  readonly logger: { info(details: object, message: string): void; warn(details: object, message: string): void }
  readonly onError: (error: unknown) => void
}

/** An application service that is told of what happens, with what is known of its interests. */
export interface Follower {
  readonly deps: FollowerDeps
  readonly service: Service & { readonly url: string }
  readonly interest: Interest
  /** Its users who have devices with keys. */
  readonly withKeys: () => Promise<Set<number>>
}

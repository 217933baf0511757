import type { Rooms } from '../events/index.ts'
import type { Database } from '../storage/index.ts'
import type { Log } from '../streams/index.ts'
import type { Users } from '../users/index.ts'
import { noPresence, openPresence, type Presence } from './presence.ts'
import { openReceipts, type Receipts } from './receipts.ts'
import { openTyping, type Typing } from './typing.ts'

export interface EphemeralDeps {
  readonly database: Database
  readonly log: Log
  readonly users: Users
  readonly rooms: Rooms
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** For work that nobody waits for. */
  readonly onError: (error: unknown) => void
  /** Whether there is any presence at all. */
  readonly presence: boolean
}

/** What is told but is no part of a room's history. */
export interface Ephemeral extends Disposable {
  readonly typing: Typing
  readonly receipts: Receipts
  readonly presence: Presence
}

export function openEphemeral(deps: EphemeralDeps): Ephemeral {
  const typing = openTyping(deps)
  const presence = deps.presence ? openPresence(deps) : noPresence
  return {
    typing,
    presence,
    receipts: openReceipts(deps),
    [Symbol.dispose]: () => {
      typing[Symbol.dispose]()
      presence[Symbol.dispose]()
    },
  }
}

import { redact } from '../matrix/redaction.ts'
import type { Rooms, StoredEvent } from '../events/index.ts'
import type { Users } from '../users/index.ts'
import type { Onlooker, Sight } from './sight.ts'

/** What people who asked to be forgotten have said. */
export interface Erasure {
  /**
   * The events, in the same order, as the reader gets them: those of erased users are redacted for whoever was not in the room when they
   * were sent.
   * @see https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3accountdeactivate
   */
  conceal(who: Onlooker, list: readonly StoredEvent[]): Promise<readonly StoredEvent[]>
}

export interface ErasureDeps {
  readonly rooms: Pick<Rooms, 'byNid'>
  readonly users: Pick<Users, 'erased' | 'onChange'>
  readonly sight: Pick<Sight, 'membershipBefore'>
}

export function openErasure({ rooms, users, sight }: ErasureDeps): Erasure {
  /** Read when the first event is shown; what changes from then on is heard. */
  let erased: Set<number> | undefined
  let reading: Promise<Set<number>> | undefined
  const changed = new Map<number, boolean>()
  users.onChange((account) => {
    if (!account.deactivated && !erased?.has(account.nid)) return
    if (!erased) changed.set(account.nid, account.erased)
    else if (account.erased) erased.add(account.nid)
    else erased.delete(account.nid)
  })
  const read = async (): Promise<Set<number>> => {
    const found = new Set(await users.erased())
    for (const [nid, is] of changed) {
      if (is) found.add(nid)
      else found.delete(nid)
    }
    changed.clear()
    erased = found
    return found
  }

  const concealed = async (stored: StoredEvent): Promise<StoredEvent> => {
    const room = await rooms.byNid(stored.room)
    if (!room) return stored
    const pdu = redact(stored.event.pdu, room.version)
    const { clientJson: _, ...rest } = stored
    return { ...rest, event: { ...stored.event, content: pdu.content, pdu } }
  }

  return {
    conceal: async (who, list) => {
      const gone = erased ?? (await (reading ??= read()))
      if (gone.size === 0 || !list.some(({ sender }) => gone.has(sender))) return list
      const shown: StoredEvent[] = []
      for (const stored of list) {
        const wasThere = !gone.has(stored.sender) || (await sight.membershipBefore(who, stored)) === 'join'
        shown.push(wasThere ? stored : await concealed(stored))
      }
      return shown
    },
  }
}

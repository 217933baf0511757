import { canonicalJson, type JsonObject } from '../../matrix/json.ts'
import type { RoomVersion } from '../../matrix/room-version.ts'
import { setMember } from '../commit.ts'
import { memberFrom } from '../room.ts'
import { eventBytes, standings, type Held, type StoredEvent } from '../stored-event.ts'
import { insertEvent } from '../store/events.ts'
import { upsertMember } from '../store/rooms.ts'
import type { ReceiveDeps } from './deps.ts'
import { knownRoom } from './open-room.ts'
import type { Incoming } from './pdu.ts'

/** A member event of somebody here in a room that nobody of this server is in: an invitation, or the end of one. */
export interface OutsideMember {
  readonly roomId: string
  readonly version: RoomVersion
  readonly incoming: Incoming
  /** What its user is told of the room besides, kept in `unsigned`. */
  readonly unsigned: JsonObject
}

/** Stores such an event and tells its user. Of the room nothing else is known, and nothing is judged. */
export async function storeOutside(deps: ReceiveDeps, wish: OutsideMember): Promise<StoredEvent> {
  const { roomId, version, incoming, unsigned } = wish
  const { event } = incoming
  const known = await deps.events.byId(event.id)
  if (known) return known
  const [sender, target] = [await deps.users.intern(event.sender), await deps.users.intern(event.stateKey ?? '')]
  const here = await deps.heads.byId(roomId)
  // One more invitation says no more of where the room comes from than the one before.
  const origin = here?.version.id === version.id ? here : { creator: sender, createdTs: event.ts }
  const head = await knownRoom(deps, { id: roomId, version, creator: origin.creator, createdTs: origin.createdTs })
  const pdu = { ...event.pdu, unsigned }
  const json = canonicalJson(pdu)
  const stored: Held = {
    nid: deps.eventIds.next(),
    room: head.nid,
    sender,
    event: { ...event, pdu },
    position: 0,
    size: json.length,
    stateBefore: null,
    standing: standings.accepted,
    device: null,
    txnId: null,
    replaces: head.members.get(target)?.event ?? null,
    redactedBy: null,
    threadRoot: null,
  }
  deps.heads.hold(head)
  try {
    await deps.log.write(async (tx) => {
      stored.position = tx.append({
        kind: 'event',
        room: head.nid,
        user: target,
        wake: [target],
        data: stored,
        bytes: eventBytes(stored),
      })
      await insertEvent(tx.sql, stored, json)
      const member = memberFrom(event, stored.nid, sender, stored.position)
      setMember(head, target, member)
      await upsertMember(tx.sql, head.nid, target, member)
    })
  } catch (error) {
    deps.heads.kill(head)
    throw error
  } finally {
    deps.heads.settle(head)
  }
  deps.events.put(stored)
  return stored
}

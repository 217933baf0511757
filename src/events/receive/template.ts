import { authorize, authTypesFor } from '../../matrix/auth-rules/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { referenceHash, toRoomEvent } from '../../matrix/event.ts'
import type { JsonObject } from '../../matrix/json.ts'
import type { EventReference, Pdu } from '../../matrix/pdu.ts'
import type { Room } from '../room.ts'
import { mostPrev } from '../stage.ts'
import { mustRest, rest } from '../../storage/index.ts'
import type { StoredEvent } from '../stored-event.ts'
import type { ReceiveDeps } from './deps.ts'
import { lookupIn } from './states.ts'

/** What another server is to make an event of: everything but what it has to say for itself. */
export interface Outline {
  readonly type: string
  readonly sender: string
  readonly stateKey: string
  readonly content: JsonObject
}

/**
 * An event at the head of a room as another server will make it, if the rules would let it in now.
 * @throws {MatrixError} M_FORBIDDEN with the reason
 */
export async function templateFor(
  deps: ReceiveDeps,
  room: Room,
  { type, sender, stateKey, content }: Outline,
): Promise<JsonObject> {
  const { version } = room
  const head = (await deps.heads.get(room.nid)) ?? room
  const outline = { type, sender, stateKey, content }
  const places = authTypesFor(outline, version)
  const pdu: Pdu = {
    type,
    sender,
    state_key: stateKey,
    content,
    room_id: room.id,
    prev_events: [],
    auth_events: [],
    depth: 0,
    origin_server_ts: deps.now(),
    hashes: { sha256: '' },
    signatures: {},
  }
  const event = toRoomEvent(pdu, version, '$template')
  const lookup = await lookupIn(deps, head.chain, event, version, places)
  const verdict = authorize(event, version, lookup)
  if (!verdict.allowed) throw new MatrixError('M_FORBIDDEN', verdict.reason)
  const cited = places.flatMap(([of, key]) => lookup(of, key) ?? [])
  const extremities = head.extremities.toSorted((a, b) => b.depth - a.depth).slice(0, mostPrev)
  const prev = await deps.events.many(extremities.map(({ nid }) => nid))
  const refer = (one: StoredEvent['event']): EventReference =>
    version.eventFormat === 'v1' ? [one.id, { sha256: referenceHash(one.pdu, version) }] : one.id
  return {
    type,
    sender,
    state_key: stateKey,
    content,
    room_id: room.id,
    prev_events: prev.map((stored) => refer(stored.event)),
    auth_events: cited.map(refer),
    depth: extremities.reduce((depth, one) => Math.max(depth, one.depth), 0) + 1,
    origin_server_ts: deps.now(),
  }
}

/** More than any room has: what is larger is not walked for a request. */
const mostChained = 200_000
const atOnce = 500

/**
 * The events that these rest on, and what those rest on.
 * @throws {MatrixError} M_TOO_LARGE when there are more than can be walked
 */
export async function authChainOf(
  deps: Pick<ReceiveDeps, 'events'>,
  events: readonly StoredEvent[],
): Promise<StoredEvent[]> {
  const found = new Map<string, StoredEvent>()
  const seen = new Set(events.flatMap(({ event }) => event.authEvents))
  const open = [...seen]
  while (open.length > 0) {
    if (mustRest()) await rest()
    for (const [id, stored] of await deps.events.byIds(open.splice(0, atOnce))) {
      found.set(id, stored)
      for (const cited of stored.event.authEvents) {
        if (seen.has(cited)) continue
        seen.add(cited)
        open.push(cited)
      }
    }
    if (found.size > mostChained) throw new MatrixError('M_TOO_LARGE', 'This would be too much at once')
  }
  return [...found.values()]
}

// Somebody of a server of the tests' own who is in a room, and can say anything there.
import assert from 'node:assert/strict'
import { buildEvent, type EventFields } from '../../src/matrix/event-build.ts'
import { eventId } from '../../src/matrix/event.ts'
import type { JsonObject } from '../../src/matrix/json.ts'
import type { Pdu } from '../../src/matrix/pdu.ts'
import { findRoomVersion, type RoomVersion } from '../../src/matrix/room-version.ts'
import type { NetworkServer, Stranger } from './federation.ts'

/** An event that was made, and its id. */
export interface MadeEvent {
  readonly id: string
  readonly pdu: JsonObject
}

export interface RoomGuest {
  readonly userId: string
  readonly roomId: string
  readonly version: RoomVersion
  /** The member event that it is in by. */
  readonly join: MadeEvent
  /** What a message of this user rests on. */
  readonly authEvents: readonly string[]
  /** Makes an event of this user, signed: a message after the join, unless said otherwise. */
  make(fields?: Partial<EventFields>): MadeEvent
}

let made = 0

/** Has a stranger join a room, as a server would. Every room version that has no ids of its own choosing will do. */
export async function enterRoom(stranger: Stranger, server: NetworkServer, roomId: string): Promise<RoomGuest> {
  const userId = `@guest:${stranger.name}`
  const query = ['6', '10', '11', '12'].map((one) => `ver=${one}`).join('&')
  const path = `/_matrix/federation/v1/make_join/${encodeURIComponent(roomId)}/${encodeURIComponent(userId)}?${query}`
  const { status, body } = await stranger.ask(server, 'GET', path)
  assert.equal(status, 200, JSON.stringify(body))
  const version = findRoomVersion(body['room_version'])
  assert.ok(version)
  const template = body['event'] as { prev_events: string[]; auth_events: string[]; depth: number }

  const build = (fields: Partial<EventFields>): MadeEvent => {
    const { event, json } = buildEvent(
      {
        type: 'm.room.message',
        content: { msgtype: 'm.text', body: `said ${++made}` },
        sender: userId,
        stateKey: undefined,
        roomId,
        prevEvents: template.prev_events,
        authEvents: template.auth_events,
        depth: template.depth,
        ts: Date.now(),
        v1: undefined,
        ...fields,
      },
      version,
      stranger.name,
      stranger.key,
    )
    return { id: event.id, pdu: JSON.parse(json) as JsonObject }
  }
  const join = build({ type: 'm.room.member', stateKey: userId, content: { membership: 'join' } })
  const sent = await stranger.ask(
    server,
    'PUT',
    `/_matrix/federation/v2/send_join/${encodeURIComponent(roomId)}/${encodeURIComponent(join.id)}`,
    join.pdu,
  )
  assert.equal(sent.status, 200, JSON.stringify(sent.body))
  const cited = new Set(version.createIsRoomId ? ['m.room.power_levels'] : ['m.room.create', 'm.room.power_levels'])
  const state = sent.body['state'] as JsonObject[]
  const authEvents = state
    .filter(({ type, state_key: key }) => typeof type === 'string' && cited.has(type) && key === '')
    .map((pdu) => eventId(pdu as Pdu, version))
    .concat(join.id)
  return {
    userId,
    roomId,
    version,
    join,
    authEvents,
    make: (fields = {}) => build({ prevEvents: [join.id], authEvents, depth: template.depth + 1, ...fields }),
  }
}

import { authorize, authTypesFor, type AuthResult, type StateLookup } from './auth-rules/index.ts'
import type { RoomEvent } from './event.ts'
import type { Pdu } from './pdu.ts'
import type { JsonObject } from './json.ts'
import type { RoomVersion } from './room-version.ts'
import { stateMapKey } from './state-res/index.ts'

/** What a test says about an event; everything else follows from the room. */
export interface Draft {
  readonly type: string
  readonly sender: string
  readonly stateKey?: string | undefined
  readonly content?: JsonObject
  readonly id?: string
  readonly prevEvents?: readonly string[]
  readonly authEvents?: readonly string[]
  readonly ts?: number
  readonly depth?: number
  readonly roomId?: string
  readonly redacts?: string
}

/** The people of the tests: alice makes the rooms, carol is on another server. */
export const alice = '@alice:one.example'
export const bob = '@bob:one.example'
export const carol = '@carol:two.example'
export const dave = '@dave:one.example'

/**
 * A room in memory for the tests of this folder: events without hashes and signatures, with ids that can be read. Forks
 * know each other's events.
 */
export interface TestRoom {
  readonly version: RoomVersion
  readonly roomId: string
  readonly events: Map<string, RoomEvent>
  /** The current state. */
  readonly state: Map<string, string>
  readonly lookup: StateLookup
  /** Makes an event on top of the current state; the room knows it but does not have it in its state. */
  draft(draft: Draft): RoomEvent
  /** Judges an event against the current state. */
  judge(event: RoomEvent): AuthResult
  /** Makes an event and puts it into the state, allowed or not. */
  force(draft: Draft): RoomEvent
  /** Makes an event, which must be allowed, and puts it into the state. */
  send(draft: Draft): RoomEvent
  member(user: string, membership: string, sender?: string, content?: JsonObject): RoomEvent
  levels(content: JsonObject, sender?: string): RoomEvent
  joinRule(rule: string): RoomEvent
  fork(): TestRoom
}

interface Shared {
  readonly version: RoomVersion
  readonly roomId: string
  readonly events: Map<string, RoomEvent>
  count: number
}

const outlineToEvent = (shared: Shared, room: TestRoom, last: RoomEvent | undefined, draft: Draft): RoomEvent => {
  const { version, events } = shared
  const number = String(++shared.count).padStart(6, '0')
  const { stateKey, content = {}, roomId = shared.roomId } = draft
  const outline = { type: draft.type, sender: draft.sender, stateKey, content }
  const cited = authTypesFor(outline, version)
    .map(([type, key]) => room.lookup(type, key))
    .filter((event) => event !== undefined)
  const isCreate = draft.type === 'm.room.create'
  const event: RoomEvent = {
    ...outline,
    id: draft.id ?? (version.eventFormat === 'v1' ? `$${number}:one.example` : `$${number}`),
    roomId,
    prevEvents: draft.prevEvents ?? (last && !isCreate ? [last.id] : []),
    authEvents: draft.authEvents ?? cited.map(({ id }) => id),
    depth: draft.depth ?? (last?.depth ?? 0) + 1,
    ts: draft.ts ?? 1_700_000_000_000 + shared.count,
    redacts: draft.redacts,
    pdu: (isCreate && version.createIsRoomId ? {} : { room_id: roomId }) as Pdu, // the rules look at no other field
  }
  events.set(event.id, event)
  return event
}

const roomOn = (shared: Shared, state: Map<string, string>, tip: RoomEvent | undefined): TestRoom => {
  let last = tip
  const put = (event: RoomEvent) => {
    if (event.stateKey !== undefined) state.set(stateMapKey(event.type, event.stateKey), event.id)
    last = event
    return event
  }
  const room: TestRoom = {
    ...shared,
    state,
    lookup: (type, stateKey) => shared.events.get(state.get(stateMapKey(type, stateKey)) ?? ''),
    draft: (draft) => outlineToEvent(shared, room, last, draft),
    judge: (event) => authorize(event, shared.version, room.lookup),
    force: (draft) => put(room.draft(draft)),
    send: (draft) => {
      const event = room.draft(draft)
      const result = room.judge(event)
      if (!result.allowed) throw new Error(`${event.type} of ${event.sender}: ${result.reason}`)
      return put(event)
    },
    member: (user, membership, sender = user, content = {}) =>
      room.force({ type: 'm.room.member', sender, stateKey: user, content: { membership, ...content } }),
    levels: (content, sender = alice) => room.force({ type: 'm.room.power_levels', sender, stateKey: '', content }),
    joinRule: (rule) =>
      room.force({ type: 'm.room.join_rules', sender: alice, stateKey: '', content: { join_rule: rule } }),
    fork: () => roomOn(shared, new Map(state), last),
  }
  return room
}

/** The content of a proper create event of this version. */
export const createContent = (version: RoomVersion, creator = alice): JsonObject => ({
  room_version: version.id,
  ...(version.creatorInContent && { creator }),
})

/** A room without a single event. */
export const emptyRoom = (version: RoomVersion): TestRoom => {
  const roomId = version.createIsRoomId ? '!000001' : '!room:one.example'
  return roomOn({ version, roomId, events: new Map(), count: 0 }, new Map(), undefined)
}

/** A public room that alice has made and joined, and in which she has power 100 (unlimited in v12) and bob, who is in it, 0. */
export const testRoom = (version: RoomVersion, create: JsonObject = {}): TestRoom => {
  const room = emptyRoom(version)
  room.send({ type: 'm.room.create', sender: alice, stateKey: '', content: { ...createContent(version), ...create } })
  room.send({ type: 'm.room.member', sender: alice, stateKey: alice, content: { membership: 'join' } })
  room.send({
    type: 'm.room.power_levels',
    sender: alice,
    stateKey: '',
    content: { users: version.privilegedCreators ? {} : { [alice]: 100 } },
  })
  room.send({ type: 'm.room.join_rules', sender: alice, stateKey: '', content: { join_rule: 'public' } })
  room.send({ type: 'm.room.member', sender: bob, stateKey: bob, content: { membership: 'join' } })
  return room
}

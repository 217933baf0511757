// What the tests of this folder share.
import { DatabaseSync } from 'node:sqlite'
import type { Answer, NetworkServer, Stranger } from '../../test/harness/federation.ts'
import { authTypesFor } from '../matrix/auth-rules/index.ts'
import { buildEvent } from '../matrix/event-build.ts'
import { toRoomEvent } from '../matrix/event.ts'
import { isObject, type JsonObject } from '../matrix/json.ts'
import type { Pdu } from '../matrix/pdu.ts'
import { findRoomVersion, roomVersions } from '../matrix/room-version.ts'

/**
 * Puts somebody of another server into a room, as if they had joined: for tests of what needs members elsewhere and no events of theirs.
 * The server is on a SQLite file, and is started anew.
 */
export async function addMember(server: NetworkServer, roomId: string, userId: string): Promise<void> {
  const url = server.homeserver.config.database
  await server.stop()
  const db = new DatabaseSync(url.slice('sqlite:'.length))
  db.prepare('insert into users (user_id) values (?) on conflict do nothing').run(userId)
  db.prepare(
    `insert into memberships (room_nid, user_nid, membership, event_nid, position, sender_nid)
     select rooms.nid, users.nid, 'join', 1, 1, users.nid from rooms, users where rooms.room_id = ? and users.user_id = ?
     on conflict do update set membership = 'join'`,
  ).run(roomId, userId)
  db.prepare('update rooms set joined_members = joined_members + 1 where room_id = ?').run(roomId)
  db.close()
  await server.start()
}

/** An event of a stranger, before it is signed; what is not said follows the newest that the guest knows. */
export interface GuestDraft {
  readonly type: string
  readonly stateKey?: string
  readonly sender?: string
  readonly content: JsonObject
  readonly prev?: readonly string[]
  readonly auth?: readonly string[]
  readonly depth?: number
  readonly ts?: number
}

/** A user of a stranger's in a room of a homeserver. */
export interface Guest {
  readonly joined: Answer
  readonly joinId: string
  /** What rests on the join alone: ids of the create event, the power levels, the join rules and the join itself, as a member event needs them. */
  readonly joinAuth: readonly string[]
  /** Signed by the stranger; the next one follows it, unless that says otherwise. */
  make(draft: GuestDraft): { id: string; pdu: JsonObject }
}

const e = encodeURIComponent

/** A user of a stranger's joins a room, as servers do. */
export async function joinAs(
  stranger: Stranger,
  server: NetworkServer,
  roomId: string,
  userId: string,
  content: JsonObject = {},
): Promise<Guest> {
  const versions = [...roomVersions.keys()].map((id) => `ver=${id}`).join('&')
  const path = `/_matrix/federation/v1/make_join/${e(roomId)}/${e(userId)}?${versions}`
  const { body } = await stranger.ask(server, 'GET', path)
  const version = findRoomVersion(body['room_version'])
  const template = body['event']
  if (!version || !isObject(template)) throw new Error(`make_join: ${JSON.stringify(body)}`)
  let count = 0
  const ids = (list: unknown): string[] => (list as string[]).map((one) => (Array.isArray(one) ? String(one[0]) : one))
  const make = (draft: GuestDraft & { prev: readonly string[]; auth: readonly string[] }) => {
    const { event, json } = buildEvent(
      {
        roomId,
        sender: draft.sender ?? userId,
        type: draft.type,
        stateKey: draft.stateKey,
        content: draft.content,
        prevEvents: draft.prev,
        authEvents: draft.auth,
        depth: draft.depth ?? 100 + count,
        ts: draft.ts ?? Date.now(),
        v1: {
          eventId: `$${userId.slice(1, 3)}${Date.now()}${(count += 1)}:${stranger.name}`,
          referenceHashes: new Map([...draft.prev, ...draft.auth].map((id) => [id, ''])),
        },
      },
      version,
      stranger.name,
      stranger.key,
    )
    return { id: event.id, pdu: JSON.parse(json) as JsonObject, event }
  }
  const joining = make({
    type: 'm.room.member',
    stateKey: userId,
    content: { ...content, membership: 'join' },
    prev: ids(template['prev_events']),
    auth: ids(template['auth_events']),
    depth: Number(template['depth']),
  })
  const joined = await stranger.ask(
    server,
    'PUT',
    `/_matrix/federation/v2/send_join/${e(roomId)}/${e(joining.id)}`,
    joining.pdu,
  )
  const known = new Map<string, string>()
  for (const pdu of Array.isArray(joined.body['state']) ? joined.body['state'] : []) {
    const event = toRoomEvent(pdu as Pdu, version)
    known.set(`${event.type}|${event.stateKey ?? ''}`, event.id)
  }
  known.set(`m.room.member|${userId}`, joining.id)
  let last = joining.id
  const joinAuth = authTypesFor(
    { type: 'm.room.member', sender: userId, stateKey: userId, content: { membership: 'join' } },
    version,
  ).flatMap(([type, key]) => known.get(`${type}|${key}`) ?? [])
  return {
    joinAuth,
    joined,
    joinId: joining.id,
    make: (draft) => {
      const sender = draft.sender ?? userId
      const places = authTypesFor({ ...draft, sender, stateKey: draft.stateKey }, version)
      const auth = places.flatMap(([type, key]) => known.get(`${type}|${key}`) ?? [])
      const made = make({ ...draft, prev: draft.prev ?? [last], auth: draft.auth ?? auth })
      last = made.id
      if (draft.stateKey !== undefined) known.set(`${draft.type}|${draft.stateKey}`, made.id)
      return made
    },
  }
}

import { Type } from 'typebox'
import type { Receiver, Room, Rooms, StoredEvent } from '../../events/index.ts'
import { RawJson, route, type Route } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { buildEvent } from '../../matrix/event-build.ts'
import { checkFormat } from '../../matrix/event-format.ts'
import { signEvent } from '../../matrix/event-signing.ts'
import { eventId } from '../../matrix/event.ts'
import { isLocalUser, serverOf } from '../../matrix/ids.ts'
import { own, type Json, type JsonObject } from '../../matrix/json.ts'
import type { Pdu } from '../../matrix/pdu.ts'
import { findRoomVersion } from '../../matrix/room-version.ts'
import type { SigningKey } from '../../matrix/signing.ts'
import { readStripped, strippedState, strippedTypes } from '../../matrix/stripped-state.ts'
import type { Users } from '../../users/index.ts'
import { remotePath } from '../client.ts'
import { asClientError } from '../remote-error.ts'
import { makeMember, readReferences, type HandshakeDeps } from './handshake.ts'

export interface InviteDeps extends HandshakeDeps {
  readonly rooms: Rooms
  readonly receiver: Receiver
  readonly users: Users
  readonly signingKey: SigningKey
  /** Port to rooms/: whether somebody here takes invitations of that user. Throws where not. */
  readonly mustTakeInvite: (target: string, inviter: string) => Promise<void>
}

/** Brings an invitation to somebody elsewhere, and then into the room, signed by both servers. */
export async function inviteElsewhere(
  deps: InviteDeps,
  room: Room,
  sender: string,
  target: string,
  content: JsonObject,
): Promise<StoredEvent> {
  const { version } = room
  const server = serverOf(target)
  const template = await deps.receiver.template(room, {
    type: 'm.room.member',
    sender,
    stateKey: target,
    content: { ...content, membership: 'invite' },
  })
  const prev = readReferences(server, own(template, 'prev_events'), version)
  const auth = readReferences(server, own(template, 'auth_events'), version)
  const { event, json } = buildEvent(
    {
      type: 'm.room.member',
      sender,
      stateKey: target,
      roomId: room.id,
      content: { ...content, membership: 'invite' },
      prevEvents: prev.ids,
      authEvents: auth.ids,
      depth: Number(template['depth']),
      ts: deps.now(),
      v1:
        version.eventFormat === 'v1'
          ? {
              eventId: `$${deps.randomId()}:${deps.serverName}`,
              referenceHashes: new Map([...prev.hashes, ...auth.hashes]),
            }
          : undefined,
    },
    version,
    deps.serverName,
    deps.signingKey,
  )
  const pdu = JSON.parse(json) as Pdu & JsonObject
  try {
    const answer = await deps.client.ask(server, {
      method: 'PUT',
      path: remotePath('federation/v2/invite', room.id, event.id),
      content: { event: pdu, invite_room_state: await strippedFor(deps, room, sender), room_version: version.id },
    })
    const theirs = own(own(own(answer, 'event'), 'signatures'), server)
    const signatures = { ...pdu.signatures, ...(theirs !== undefined && { [server]: theirs }) }
    return await deps.receiver.takeNow(room, { ...pdu, signatures }, deps.serverName)
  } catch (error) {
    throw asClientError(error)
  }
}

async function strippedFor({ rooms }: InviteDeps, room: Room, inviter: string): Promise<JsonObject[]> {
  const found = new Map<string, StoredEvent>()
  for (const type of strippedTypes) {
    const stored = await rooms.stateEvent(room, type, '')
    if (stored) found.set(type, stored)
  }
  const member = await rooms.stateEvent(room, 'm.room.member', inviter)
  return strippedState((type) => found.get(type)?.event, ...(member ? [member.event] : []))
}

const bad = (what: string): MatrixError => new MatrixError('M_BAD_JSON', what)

/**
 * Takes an invitation of somebody here. Everything is looked at before our signature stands under it: an event of any other kind would be
 * an event in our name.
 */
async function takeInvite(
  deps: InviteDeps,
  origin: string,
  { roomId, eventId: id }: { roomId: string; eventId: string },
  { event: sent, version: named, stripped }: { event: JsonObject; version: string; stripped: Json | undefined },
): Promise<JsonObject> {
  const version = findRoomVersion(named)
  if (!version)
    throw new MatrixError('M_INCOMPATIBLE_ROOM_VERSION', 'This server does not know this room version', {
      extra: { room_version: named },
    })
  const pdu = checkFormat(sent, version)
  if (pdu.type !== 'm.room.member' || own(pdu.content, 'membership') !== 'invite') throw bad('This is no invitation')
  if (pdu.room_id !== roomId) throw bad('The event is of another room')
  if (eventId(pdu, version) !== id) throw bad('The event has another id')
  if (serverOf(pdu.sender) !== origin) throw new MatrixError('M_FORBIDDEN', `${pdu.sender} is no user of ${origin}`)
  const target = pdu.state_key
  if (target === undefined || !isLocalUser(target, deps.serverName))
    throw bad('The one invited is no user of this server')
  const account = await deps.users.account(await deps.users.intern(target))
  if (!account || account.deactivated) throw new MatrixError('M_FORBIDDEN', 'There is nobody of this name here')
  await deps.mustTakeInvite(target, pdu.sender)
  const signed = signEvent(pdu, version, deps.serverName, deps.signingKey)
  const here = await deps.rooms.find(roomId)
  // Where somebody of us is in the room, it comes to all of them as every event does.
  if (!here || !(await deps.receiver.hasLocalMembers(here)))
    await deps.receiver.takeOutside({
      roomId,
      version,
      pdu: signed,
      unsigned: { invite_room_state: readStripped(stripped) },
    })
  return signed
}

const Params = Type.Object({ roomId: Type.String(), eventId: Type.String() })

/** @see https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv2inviteroomideventid */
export const inviteRoutes = (deps: InviteDeps): Route[] => [
  route({
    id: 'sendInviteV2',
    method: 'PUT',
    path: '/_matrix/federation/v2/invite/:roomId/:eventId',
    auth: 'server',
    params: Params,
    body: Type.Object({
      room_version: Type.String(),
      event: Type.Unsafe<JsonObject>(Type.Object({})),
      invite_room_state: Type.Optional(Type.Unsafe<Json>(Type.Unknown())),
    }),
    reply: Type.Object({ event: Type.Unsafe<object>(Type.Unknown()) }),
    handle: async ({ origin, params, body }) => ({
      event: await takeInvite(deps, origin, params, {
        event: body.event,
        version: body.room_version,
        stripped: body.invite_room_state,
      }),
    }),
  }),
  route({
    id: 'sendInviteV1',
    method: 'PUT',
    path: '/_matrix/federation/v1/invite/:roomId/:eventId',
    auth: 'server',
    params: Params,
    body: Type.Unsafe<JsonObject>(Type.Object({})),
    reply: Type.Unsafe<object>(Type.Unknown()),
    handle: async ({ origin, params, body }) => {
      const unsigned = own(body, 'unsigned')
      const event = await takeInvite(deps, origin, params, {
        event: body,
        version: '1',
        stripped: own(unsigned, 'invite_room_state'),
      })
      return new RawJson(`[200,${JSON.stringify({ event })}]`)
    },
  }),
]

/** Ends an invitation to a room that nobody of this server is in: its servers are told if they can be, and its user in any case. */
export async function leaveElsewhere(
  deps: InviteDeps,
  room: Room,
  userId: string,
  servers: readonly string[],
  content: JsonObject,
): Promise<void> {
  let last: unknown = new MatrixError('M_NOT_FOUND', 'No server is known that is in this room')
  for (const server of servers) {
    try {
      const { event, json, version } = await makeMember(deps, server, {
        act: 'leave',
        roomId: room.id,
        userId,
        content,
      })
      const pdu = JSON.parse(json) as JsonObject
      await deps.client.ask(server, {
        method: 'PUT',
        path: remotePath('federation/v2/send_leave', room.id, event.id),
        content: pdu,
      })
      await deps.receiver.takeOutside({ roomId: room.id, version, pdu, unsigned: {} })
      return
    } catch (error) {
      last = error
    }
  }
  throw asClientError(last)
}

import { Type } from 'typebox'
import type { Receiver, Room, Rooms, StoredEvent } from '../../events/index.ts'
import { RawJson, route, type Route } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { checkFormat } from '../../matrix/event-format.ts'
import { signEvent } from '../../matrix/event-signing.ts'
import { eventId } from '../../matrix/event.ts'
import { isLocalUser, serverOf } from '../../matrix/ids.ts'
import { own, type Json, type JsonObject } from '../../matrix/json.ts'
import { findRoomVersion } from '../../matrix/room-version.ts'
import type { SigningKey } from '../../matrix/signing.ts'
import type { Users } from '../../users/index.ts'
import { remotePath } from '../client.ts'
import { asClientError } from '../remote-error.ts'
import { buildMember, placeIn, type HandshakeDeps } from './handshake.ts'
import { readTold, tellingState } from './told.ts'

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
  const server = serverOf(target)
  const member = { sender, stateKey: target, content: { ...content, membership: 'invite' } }
  const template = await deps.receiver.template(room, { type: 'm.room.member', ...member })
  const place = placeIn(server, template, room.version)
  const { event, pdu } = buildMember(deps, place, { ...member, roomId: room.id })
  try {
    const answer = await deps.client.ask(server, {
      method: 'PUT',
      path: remotePath('federation/v2/invite', room.id, event.id),
      content: {
        event: pdu,
        invite_room_state: await tellingState(deps.rooms, room, sender),
        room_version: room.version.id,
      },
    })
    const theirs = own(own(own(answer, 'event'), 'signatures'), server)
    const signatures = { ...(pdu['signatures'] as JsonObject), ...(theirs !== undefined && { [server]: theirs }) }
    return await deps.receiver.takeNow(room, { ...pdu, signatures }, deps.serverName)
  } catch (error) {
    throw asClientError(error)
  }
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
  const here = await deps.rooms.find(roomId)
  const isHere = here !== undefined && (await deps.receiver.hasLocalMembers(here))
  if (isHere && here.version.id !== version.id) throw bad('The room has another version')
  if (isHere && !(await deps.receiver.mayTakePart(here, origin)))
    throw new MatrixError('M_FORBIDDEN', 'Your server may not take part in this room')
  const account = await deps.users.account(await deps.users.intern(target))
  if (!account || account.deactivated) throw new MatrixError('M_FORBIDDEN', 'There is nobody of this name here')
  await deps.mustTakeInvite(target, pdu.sender)
  const told = await readTold(deps.receiver, { id: roomId, version }, stripped)
  const signed = signEvent(pdu, version, deps.serverName, deps.signingKey)
  // Where somebody of us is in the room, it comes to all of them as every event does.
  if (!isHere) await deps.receiver.takeOutside({ roomId, version, pdu: signed, unsigned: { invite_room_state: told } })
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

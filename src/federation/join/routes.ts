import { Type } from 'typebox'
import type { Receiver, Room, Rooms, StoredEvent } from '../../events/index.ts'
import { RawJson, route, type Route } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { signEvent } from '../../matrix/event-signing.ts'
import { eventId } from '../../matrix/event.ts'
import { checkFormat } from '../../matrix/event-format.ts'
import { serverOf } from '../../matrix/ids.ts'
import { own, type JsonObject } from '../../matrix/json.ts'
import type { SigningKey } from '../../matrix/signing.ts'
import { tellingState } from './told.ts'

export interface JoinRouteDeps {
  readonly rooms: Rooms
  readonly receiver: Receiver
  readonly serverName: string
  readonly signingKey: SigningKey
  /** Port to rooms/: who of this server vouches for somebody, where a room is for the members of others. */
  readonly vouch: (room: Room, userId: string) => Promise<string | undefined>
  /** Tells everybody else in the room of an event that came in by us. */
  readonly forward: (stored: StoredEvent, but: string) => Promise<void>
}

type Act = 'join' | 'leave' | 'knock'

const Template = Type.Object({ room_version: Type.Optional(Type.String()), event: Type.Object({}) })
const MakeParams = Type.Object({ roomId: Type.String(), userId: Type.String() })
const SendParams = Type.Object({ roomId: Type.String(), eventId: Type.String() })
const Body = Type.Unsafe<JsonObject>(Type.Object({}))
const largestAnswerPart = 500

/** The room, if the server may take part in it and somebody of this one is there to speak for it. */
async function roomFor({ rooms, receiver }: JoinRouteDeps, roomId: string, origin: string): Promise<Room> {
  const room = await rooms.find(roomId)
  if (!room || !(await receiver.hasLocalMembers(room)))
    throw new MatrixError('M_NOT_FOUND', 'Nobody of this server is in this room')
  if (!(await receiver.mayTakePart(room, origin)))
    throw new MatrixError('M_FORBIDDEN', 'Your server may not take part in this room')
  return room
}

/** Who wants it speaks for themselves, by their own server. @see https://spec.matrix.org/v1.19/server-server-api/#joining-rooms */
const makeRoute = (deps: JoinRouteDeps, act: Act): Route =>
  route({
    id: { join: 'makeJoin', leave: 'makeLeave', knock: 'makeKnock' }[act],
    method: 'GET',
    path: `/_matrix/federation/v1/make_${act}/:roomId/:userId`,
    auth: 'server',
    params: MakeParams,
    query: Type.Object({ ver: Type.Optional(Type.Union([Type.String(), Type.Array(Type.String())])) }),
    reply: Template,
    handle: async ({ origin, params: { roomId, userId }, query }) => {
      const room = await roomFor(deps, roomId, origin)
      if (serverOf(userId) !== origin) throw new MatrixError('M_FORBIDDEN', `${userId} is no user of ${origin}`)
      const known = query.ver === undefined ? ['1'] : [query.ver].flat()
      if (act !== 'leave' && !known.includes(room.version.id)) {
        throw new MatrixError('M_INCOMPATIBLE_ROOM_VERSION', `The room has version ${room.version.id}`, {
          extra: { room_version: room.version.id },
        })
      }
      const vouching = act === 'join' ? await deps.vouch(room, userId) : undefined
      const content = { membership: act, ...(vouching !== undefined && { join_authorised_via_users_server: vouching }) }
      const event = await deps.receiver.template(room, {
        type: 'm.room.member',
        sender: userId,
        stateKey: userId,
        content,
      })
      return { room_version: room.version.id, event }
    },
  })

/** Checks that the event is what it is sent as, before anybody signs or takes it. */
function checkMember(pdu: JsonObject, room: Room, act: Act, eventIdSent: string, origin: string): void {
  const sender = own(pdu, 'sender')
  const bad = (what: string): MatrixError => new MatrixError('M_BAD_JSON', what)
  if (own(pdu, 'type') !== 'm.room.member') throw bad('This is no member event')
  if (own(pdu, 'state_key') !== sender) throw bad('The event is about somebody else than its sender')
  if (own(own(pdu, 'content'), 'membership') !== act) throw bad(`The membership is not ${act}`)
  if (typeof sender !== 'string' || serverOf(sender) !== origin) throw bad(`The sender is no user of ${origin}`)
  if (own(pdu, 'room_id') !== room.id) throw bad('The event is of another room')
  if (eventId(checkFormat(pdu, room.version), room.version) !== eventIdSent) throw bad('The event has another id')
}

/** Somebody here vouched: our signature says so, and stands only under an event that names one of ours. */
function countersigned({ serverName, signingKey }: JoinRouteDeps, pdu: JsonObject, room: Room): JsonObject {
  const vouching = own(own(pdu, 'content'), 'join_authorised_via_users_server')
  if (typeof vouching !== 'string' || serverOf(vouching) !== serverName) return pdu
  return signEvent(checkFormat(pdu, room.version), room.version, serverName, signingKey)
}

async function taken(
  deps: JoinRouteDeps,
  act: Act,
  origin: string,
  { roomId, eventId: id }: { roomId: string; eventId: string },
  body: JsonObject,
): Promise<{ room: Room; stored: StoredEvent; pdu: JsonObject }> {
  const room = await roomFor(deps, roomId, origin)
  checkMember(body, room, act, id, origin)
  const vouching = own(own(body, 'content'), 'join_authorised_via_users_server')
  const sender = own(body, 'sender')
  const isAsked = act === 'join' && vouching !== undefined
  if (isAsked && (typeof sender !== 'string' || (await deps.vouch(room, sender)) === undefined))
    throw new MatrixError('M_FORBIDDEN', 'Nobody has to vouch for a join of this room')
  const pdu = isAsked ? countersigned(deps, body, room) : body
  const stored = await deps.receiver.takeNow(room, pdu, origin)
  await deps.forward(stored, origin)
  return { room, stored, pdu }
}

/** The state before an event and all that it rests on, as JSON texts, a part at a time. */
async function texts(events: readonly StoredEvent[]): Promise<string> {
  const parts: string[] = []
  for (const [index, { event }] of events.entries()) {
    parts.push(JSON.stringify(event.pdu))
    if (index % largestAnswerPart === largestAnswerPart - 1) await new Promise((resolve) => setImmediate(resolve))
  }
  return `[${parts.join(',')}]`
}

const sendJoin = (deps: JoinRouteDeps, version: 'v1' | 'v2'): Route =>
  route({
    id: version === 'v1' ? 'sendJoinV1' : 'sendJoinV2',
    method: 'PUT',
    path: `/_matrix/federation/${version}/send_join/:roomId/:eventId`,
    auth: 'server',
    params: SendParams,
    query: Type.Object({ omit_members: Type.Optional(Type.String()) }),
    body: Body,
    reply: Type.Unsafe<object>(Type.Unknown()),
    handle: async ({ origin, params, body }) => {
      const { stored, pdu } = await taken(deps, 'join', origin, params, body)
      const state = await deps.rooms.events.many([...(await deps.rooms.stateBefore(stored)).values()])
      const chain = await deps.receiver.authChain(state)
      const answer =
        `{"origin":${JSON.stringify(deps.serverName)},"members_omitted":false,"state":${await texts(state)},` +
        `"auth_chain":${await texts(chain)},"event":${JSON.stringify(pdu)}}`
      return new RawJson(version === 'v1' ? `[200,${answer}]` : answer)
    },
  })

const sendLeave = (deps: JoinRouteDeps, version: 'v1' | 'v2'): Route =>
  route({
    id: version === 'v1' ? 'sendLeaveV1' : 'sendLeaveV2',
    method: 'PUT',
    path: `/_matrix/federation/${version}/send_leave/:roomId/:eventId`,
    auth: 'server',
    params: SendParams,
    body: Body,
    reply: Type.Unsafe<object>(Type.Unknown()),
    handle: async ({ origin, params, body }) => {
      await taken(deps, 'leave', origin, params, body)
      return version === 'v1' ? new RawJson('[200,{}]') : {}
    },
  })

const sendKnock = (deps: JoinRouteDeps): Route =>
  route({
    id: 'sendKnock',
    method: 'PUT',
    path: '/_matrix/federation/v1/send_knock/:roomId/:eventId',
    auth: 'server',
    params: SendParams,
    body: Body,
    reply: Type.Object({ knock_room_state: Type.Array(Type.Unsafe<object>(Type.Unknown())) }),
    handle: async ({ origin, params, body }) => {
      const { room } = await taken(deps, 'knock', origin, params, body)
      return { knock_room_state: await tellingState(deps.rooms, room) }
    },
  })

/** How users of other servers come into rooms and leave them. */
export const joinRoutes = (deps: JoinRouteDeps): Route[] => [
  makeRoute(deps, 'join'),
  makeRoute(deps, 'leave'),
  makeRoute(deps, 'knock'),
  sendJoin(deps, 'v1'),
  sendJoin(deps, 'v2'),
  sendLeave(deps, 'v1'),
  sendLeave(deps, 'v2'),
  sendKnock(deps),
]

import { hash } from 'node:crypto'
import type { Session } from '../http/index.ts'
import { MatrixError } from '../matrix/errors.ts'
import { isLocalUser, isUserId } from '../matrix/ids.ts'
import type { JsonObject } from '../matrix/json.ts'
import { mustNotBeSuspended } from '../users/index.ts'
import { checkAliasEvent } from './alias-event.ts'
import type { RoomsRouteDeps } from './deps.ts'
import { mustTakeInvites } from './invite-permission.ts'
import { join, joinedRoom, leave, mayStand, notIn } from './membership.ts'
import { mustNotTurnDownNotices } from './notice-room.ts'
import { checkRelation } from './send-checks.ts'
import { redactEvent, sendOnce, setState, type SendDeps } from './send.ts'
import type { Draft, StoredEvent } from '../events/index.ts'

/** Where an event comes from, and when. */
export type Origin = Pick<Draft, 'device' | 'txnId' | 'ts'>

/** Who sends: the session of a request, or what is left of it when the event goes out later. */
export type SendingSession = Pick<Session, 'user' | 'userId' | 'suspended' | 'shadowBanned'>

/** Sends what clients ask to be sent, with every check that a request has to pass. All throw what a request is refused with. */
export interface Sender {
  /** Resolves to the event id. The same transaction id of the same device gives the same event; without one, each is another. */
  message(session: SendingSession, roomId: string, type: string, content: JsonObject, origin: Origin): Promise<string>
  redact(session: SendingSession, roomId: string, eventId: string, content: JsonObject, origin: Origin): Promise<string>
  state(
    session: SendingSession,
    roomId: string,
    type: string,
    stateKey: string,
    content: JsonObject,
    origin: Origin,
  ): Promise<string>
}

const whoOf = ({ user, userId }: SendingSession): Draft['sender'] => ({ nid: user, userId })

/** What somebody is told whose events reach nobody: an id as of an event that was sent; the same for the same transaction. */
const pretended = ({ userId }: SendingSession, { device, txnId }: Origin, ...what: string[]): string =>
  `$${hash('sha256', JSON.stringify([userId, device, txnId ?? ++pretences, ...what]), 'base64url')}`
let pretences = 0

export function openSender(deps: RoomsRouteDeps): Sender {
  const sending: SendDeps = { rooms: deps.rooms, underWay: new Map() }
  return {
    message: async (session, roomId, type, content, origin) => {
      if (type !== 'm.room.redaction') mustNotBeSuspended(session)
      const room = await joinedRoom(deps.rooms, roomId, session.user)
      if (session.shadowBanned) return pretended(session, origin, roomId, type)
      const draft = { ...origin, type, sender: whoOf(session), content }
      if (type === 'm.room.redaction') {
        const redacts = content['redacts']
        if (typeof redacts !== 'string')
          throw new MatrixError('M_MISSING_PARAM', 'redacts is missing: name the event, or use the redact endpoint')
        return (await redactEvent(sending, room, redacts, draft, session)).event.id
      }
      await checkRelation(deps, room, session.user, type, content)
      return (await sendOnce(sending, room, draft)).event.id
    },
    redact: async (session, roomId, eventId, content, origin) => {
      const room = await joinedRoom(deps.rooms, roomId, session.user)
      const reason = content['reason']
      if (reason !== undefined && typeof reason !== 'string')
        throw new MatrixError('M_BAD_JSON', 'reason is not a string')
      if (session.shadowBanned) return pretended(session, origin, roomId, eventId)
      return (await redactEvent(sending, room, eventId, { ...origin, sender: whoOf(session), content }, session)).event
        .id
    },
    state: (session, roomId, type, stateKey, content, origin) =>
      putState(deps, session, roomId, type, stateKey, content, origin),
  }
}

async function putState(
  deps: RoomsRouteDeps,
  session: SendingSession,
  roomId: string,
  type: string,
  stateKey: string,
  content: JsonObject,
  origin: Origin,
): Promise<string> {
  const time = origin.ts === undefined ? {} : { ts: origin.ts }
  const leaving = type === 'm.room.member' && stateKey === session.userId && content['membership'] === 'leave'
  if (!leaving) mustNotBeSuspended(session)
  if (type === 'm.room.member' && stateKey === session.userId && content['membership'] === 'join') {
    const room = await deps.rooms.find(roomId)
    if (room && !room.joined.has(session.user)) {
      await join(deps, whoOf(session), room, { extra: content, ...time })
      return (await memberEvent(deps, room.nid, session)).event.id
    }
  }
  if (leaving) {
    const room = await deps.rooms.find(roomId)
    if (!room?.members.has(session.user)) throw notIn(roomId)
    await mustNotTurnDownNotices(deps.users, room, session.user)
    const { membership: _membership, reason, ...extra } = content
    await leave(deps, whoOf(session), room, { extra, ...time, ...(typeof reason === 'string' && { reason }) })
    return (await memberEvent(deps, room.nid, session)).event.id
  }
  const room = await joinedRoom(deps.rooms, roomId, session.user)
  if (session.shadowBanned) return pretended(session, origin, roomId, type, stateKey)
  if (type === 'm.room.member' && !isUserId(stateKey))
    throw new MatrixError('M_BAD_JSON', `The state key of a member event is a user id; "${stateKey}" is none`)
  if (type === 'm.room.member') await mayStand(deps, room, stateKey, content['membership'])
  if (type === 'm.room.member' && content['membership'] === 'invite') {
    if (deps.remote && !isLocalUser(stateKey, deps.serverName)) {
      deps.blocks?.mustBeOpen(room.id)
      // Of somebody elsewhere: their server signs it, and hears of it by that.
      return (await deps.remote.invite(room, session.userId, stateKey, content)).event.id
    }
    await mustTakeInvites(deps.users, stateKey)
  }
  if (type === 'm.room.canonical_alias') await checkAliasEvent(deps, room, content)
  const stored = await setState(deps.rooms, room, whoOf(session), type, stateKey, content, origin)
  return stored.event.id
}

async function memberEvent(deps: RoomsRouteDeps, nid: number, session: SendingSession): Promise<StoredEvent> {
  const room = await deps.rooms.byNid(nid)
  const stored = room && (await deps.rooms.stateEvent(room, 'm.room.member', session.userId))
  if (!stored) throw new Error('A member that has joined has no member event')
  return stored
}

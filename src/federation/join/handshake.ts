import { MatrixError } from '../../matrix/errors.ts'
import { buildEvent } from '../../matrix/event-build.ts'
import type { RoomEvent } from '../../matrix/event.ts'
import { isEventId } from '../../matrix/ids.ts'
import { isObject, own, type Json, type JsonObject } from '../../matrix/json.ts'
import { findRoomVersion, roomVersions, type RoomVersion } from '../../matrix/room-version.ts'
import type { SigningKey } from '../../matrix/signing.ts'
import { remotePath, type FederationClient } from '../client.ts'
import { RemoteError } from '../remote-error.ts'

export type Act = 'join' | 'leave' | 'knock'

/** A membership that somebody of this server wants in a room of which another server has to help. */
export interface Wanted {
  readonly act: Act
  readonly roomId: string
  readonly userId: string
  /** Further keys of the member event's content. */
  readonly content: JsonObject
}

export interface HandshakeDeps {
  readonly client: FederationClient
  readonly serverName: string
  readonly signingKey: SigningKey
  readonly now: () => number
  readonly randomId: () => string
}

export interface Made {
  readonly event: RoomEvent
  readonly json: string
  readonly version: RoomVersion
}

/**
 * Has a server say where in the room a member event goes, and makes it. Of the answer only the references, the depth and, of a restricted
 * room, who vouches are taken: everything else is our own word, since our signature will stand under it.
 * @throws {RemoteError}
 */
export async function makeMember(deps: HandshakeDeps, server: string, wanted: Wanted): Promise<Made> {
  const { act, roomId, userId, content } = wanted
  const answer = await deps.client.ask(server, {
    path: remotePath(`federation/v1/make_${act}`, roomId, userId),
    query: act === 'leave' ? {} : { ver: [...roomVersions.keys()] },
  })
  const template = own(answer, 'event')
  const named = own(answer, 'room_version') ?? '1'
  const version = typeof named === 'string' ? findRoomVersion(named) : undefined
  if (!isObject(template)) throw new RemoteError(server, `${server} named no place for the event`)
  if (!version)
    throw new MatrixError('M_UNSUPPORTED_ROOM_VERSION', `The room has a version that this server does not know`)
  const vouching = own(own(template, 'content'), 'join_authorised_via_users_server')
  const prev = readReferences(server, own(template, 'prev_events'), version)
  const auth = readReferences(server, own(template, 'auth_events'), version)
  const depth = own(template, 'depth')
  const v1 = version.eventFormat === 'v1'
  const { event, json } = buildEvent(
    {
      type: 'm.room.member',
      sender: userId,
      stateKey: userId,
      roomId,
      content: {
        ...content,
        membership: act,
        ...(act === 'join' &&
          version.restrictedJoins &&
          typeof vouching === 'string' && { join_authorised_via_users_server: vouching }),
      },
      prevEvents: prev.ids,
      authEvents: auth.ids,
      depth: typeof depth === 'number' && Number.isSafeInteger(depth) && depth > 0 ? depth : 1,
      ts: deps.now(),
      v1: v1
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
  return { event, json, version }
}

const mostReferences = 20

/** The events that a list names, and the hashes beside them in old versions. @throws {RemoteError} */
export function readReferences(
  server: string,
  list: Json | undefined,
  version: RoomVersion,
): { ids: string[]; hashes: Map<string, string> } {
  const hashes = new Map<string, string>()
  const ids: string[] = []
  for (const one of Array.isArray(list) ? list.slice(0, mostReferences) : []) {
    const id = Array.isArray(one) ? one[0] : one
    const hash = Array.isArray(one) ? own(one[1], 'sha256') : undefined
    if (!isEventId(id, version.eventFormat)) throw new RemoteError(server, `${server} named an event that is none`)
    ids.push(id)
    if (version.eventFormat === 'v1') hashes.set(id, typeof hash === 'string' ? hash : '')
  }
  return { ids, hashes }
}

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
  readonly pdu: JsonObject
  readonly version: RoomVersion
}

/** Where in a room an event goes. */
export interface Place {
  readonly version: RoomVersion
  readonly prev: References
  readonly auth: References
  readonly depth: number
}

interface References {
  readonly ids: readonly string[]
  /** In old versions. */
  readonly hashes: ReadonlyMap<string, string>
}

/**
 * The place that a template names. Of a template only the references and the depth are taken.
 * @throws {RemoteError}
 */
export function placeIn(server: string, template: Json, version: RoomVersion): Place {
  const depth = own(template, 'depth')
  return {
    version,
    prev: readReferences(server, own(template, 'prev_events'), version),
    auth: readReferences(server, own(template, 'auth_events'), version),
    depth: typeof depth === 'number' && Number.isSafeInteger(depth) && depth > 0 ? depth : 1,
  }
}

/** Makes a member event of somebody here at a place, and signs it. */
export function buildMember(
  deps: Pick<HandshakeDeps, 'serverName' | 'signingKey' | 'now' | 'randomId'>,
  { version, prev, auth, depth }: Place,
  member: Pick<RoomEvent, 'roomId' | 'sender' | 'content'> & { readonly stateKey: string },
): Made {
  const { event, json } = buildEvent(
    {
      ...member,
      type: 'm.room.member',
      prevEvents: prev.ids,
      authEvents: auth.ids,
      depth,
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
  return { event, pdu: JSON.parse(json) as JsonObject, version }
}

/**
 * Has a server say where in the room a member event goes, and makes it. Of the answer only the place and, of a restricted room, who
 * vouches are taken: everything else is our own word, since our signature will stand under it.
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
  const isVouched = act === 'join' && version.restrictedJoins && typeof vouching === 'string'
  return buildMember(deps, placeIn(server, template, version), {
    roomId,
    sender: userId,
    stateKey: userId,
    content: { ...content, membership: act, ...(isVouched && { join_authorised_via_users_server: vouching }) },
  })
}

const mostReferences = 20

/** The events that a list names, and the hashes beside them in old versions. @throws {RemoteError} */
function readReferences(server: string, list: Json | undefined, version: RoomVersion): References {
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

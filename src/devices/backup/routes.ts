import { Readable } from 'node:stream'
import { Type } from 'typebox'
import { Reply, route, type Route } from '../../http/index.ts'
import type { JsonObject } from '../../matrix/json.ts'
import { anyObject } from '../../users/index.ts'
import type { BackedUpKey, BackupKeys } from './keys.ts'
import type { BackupVersions } from './versions.ts'

export interface BackupRouteDeps {
  readonly backup: { readonly versions: BackupVersions; readonly keys: BackupKeys }
}

/** Text that PostgreSQL can compare: U+0000 is in none of our ids. */
const id = Type.String({ maxLength: 255, pattern: '^[^\\u0000]*$' })
const Method = {
  algorithm: Type.String({ minLength: 1, maxLength: 255, pattern: '^[^\\u0000]*$' }),
  auth_data: anyObject,
}
const Info = Type.Object({ ...Method, version: Type.String(), count: Type.Integer(), etag: Type.String() })
const Version = Type.Object({ version: id })
const Room = Type.Object({ roomId: id })
const RoomSession = Type.Object({ roomId: id, sessionId: id })
const State = Type.Object({ etag: Type.String(), count: Type.Integer() })
const count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
const Key = Type.Unsafe<BackedUpKey>(
  Type.Object({
    first_message_index: count,
    forwarded_count: count,
    is_verified: Type.Boolean(),
    session_data: Type.Unsafe<JsonObject>(Type.Object({})),
  }),
)
const Sessions = Type.Object({ sessions: Type.Record(Type.String(), Key) })
const Rooms = Type.Object({ rooms: Type.Record(Type.String(), Sessions) })
/** Clients send hundreds of sessions at once. */
const bodyLimit = 16 * 1024 * 1024

const streamed = (parts: AsyncIterable<string>): Reply =>
  new Reply({ headers: { 'content-type': 'application/json' }, body: () => Readable.from(parts) })

const versionRoutes = ({ backup: { versions } }: BackupRouteDeps): Route[] => [
  /** @see https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3room_keysversion */
  route({
    id: 'postRoomKeysVersion',
    method: 'POST',
    path: '/_matrix/client/v3/room_keys/version',
    auth: 'user',
    whileSuspended: true,
    limit: 'session',
    body: Type.Object(Method),
    reply: Type.Object({ version: Type.String() }),
    handle: async ({ session, body }) => ({ version: await versions.create(session.user, body) }),
  }),
  /** @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3room_keysversion */
  route({
    id: 'getRoomKeysVersionCurrent',
    method: 'GET',
    path: '/_matrix/client/v3/room_keys/version',
    auth: 'user',
    reply: Info,
    handle: ({ session }) => versions.info(session.user),
  }),
  /** @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3room_keysversionversion */
  route({
    id: 'getRoomKeysVersion',
    method: 'GET',
    path: '/_matrix/client/v3/room_keys/version/:version',
    auth: 'user',
    params: Version,
    reply: Info,
    handle: ({ session, params }) => versions.info(session.user, params.version),
  }),
  /** @see https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3room_keysversionversion */
  route({
    id: 'putRoomKeysVersion',
    method: 'PUT',
    path: '/_matrix/client/v3/room_keys/version/:version',
    auth: 'user',
    whileSuspended: true,
    limit: 'session',
    params: Version,
    body: Type.Object({ ...Method, version: Type.Optional(Type.String()) }),
    reply: Type.Object({}),
    handle: async ({ session, params, body }) => {
      await versions.update(session.user, params.version, body)
      return {}
    },
  }),
  /** @see https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3room_keysversionversion */
  route({
    id: 'deleteRoomKeysVersion',
    method: 'DELETE',
    path: '/_matrix/client/v3/room_keys/version/:version',
    auth: 'user',
    whileSuspended: true,
    limit: 'session',
    params: Version,
    reply: Type.Object({}),
    handle: async ({ session, params }) => {
      await versions.delete(session.user, params.version)
      return {}
    },
  }),
]

const allKeysRoutes = ({ backup: { keys } }: BackupRouteDeps): Route[] => [
  /** @see https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3room_keyskeys */
  route({
    id: 'putRoomKeys',
    method: 'PUT',
    path: '/_matrix/client/v3/room_keys/keys',
    auth: 'user',
    whileSuspended: true,
    query: Version,
    body: Rooms,
    bodyLimit,
    reply: State,
    handle: ({ session, query, body }) =>
      keys.put(
        session.user,
        query.version,
        Object.fromEntries(Object.entries(body.rooms).map(([roomId, room]) => [roomId, room.sessions])),
      ),
  }),
  /** @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3room_keyskeys */
  route({
    id: 'getRoomKeys',
    method: 'GET',
    path: '/_matrix/client/v3/room_keys/keys',
    auth: 'user',
    query: Version,
    reply: Rooms,
    handle: async ({ session, query }) => streamed(await keys.all(session.user, query.version)),
  }),
  /** @see https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3room_keyskeys */
  route({
    id: 'deleteRoomKeys',
    method: 'DELETE',
    path: '/_matrix/client/v3/room_keys/keys',
    auth: 'user',
    whileSuspended: true,
    query: Version,
    reply: State,
    handle: ({ session, query }) => keys.delete(session.user, query.version, {}),
  }),
]

const roomKeysRoutes = ({ backup: { keys } }: BackupRouteDeps): Route[] => [
  /** @see https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3room_keyskeysroomid */
  route({
    id: 'putRoomKeysByRoomId',
    method: 'PUT',
    path: '/_matrix/client/v3/room_keys/keys/:roomId',
    auth: 'user',
    whileSuspended: true,
    params: Room,
    query: Version,
    body: Sessions,
    bodyLimit,
    reply: State,
    handle: ({ session, params, query, body }) =>
      keys.put(session.user, query.version, { [params.roomId]: body.sessions }),
  }),
  /** @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3room_keyskeysroomid */
  route({
    id: 'getRoomKeysByRoomId',
    method: 'GET',
    path: '/_matrix/client/v3/room_keys/keys/:roomId',
    auth: 'user',
    params: Room,
    query: Version,
    reply: Sessions,
    handle: async ({ session, params, query }) => streamed(await keys.all(session.user, query.version, params.roomId)),
  }),
  /** @see https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3room_keyskeysroomid */
  route({
    id: 'deleteRoomKeysByRoomId',
    method: 'DELETE',
    path: '/_matrix/client/v3/room_keys/keys/:roomId',
    auth: 'user',
    whileSuspended: true,
    params: Room,
    query: Version,
    reply: State,
    handle: ({ session, params, query }) => keys.delete(session.user, query.version, params),
  }),
]

const sessionKeyRoutes = ({ backup: { keys } }: BackupRouteDeps): Route[] => [
  /** @see https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3room_keyskeysroomidsessionid */
  route({
    id: 'putRoomKeyBySessionId',
    method: 'PUT',
    path: '/_matrix/client/v3/room_keys/keys/:roomId/:sessionId',
    auth: 'user',
    whileSuspended: true,
    params: RoomSession,
    query: Version,
    body: Key,
    reply: State,
    handle: ({ session, params, query, body }) =>
      keys.put(session.user, query.version, { [params.roomId]: { [params.sessionId]: body } }),
  }),
  /** @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3room_keyskeysroomidsessionid */
  route({
    id: 'getRoomKeyBySessionId',
    method: 'GET',
    path: '/_matrix/client/v3/room_keys/keys/:roomId/:sessionId',
    auth: 'user',
    params: RoomSession,
    query: Version,
    reply: Key,
    handle: ({ session, params, query }) => keys.get(session.user, query.version, params.roomId, params.sessionId),
  }),
  /** @see https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3room_keyskeysroomidsessionid */
  route({
    id: 'deleteRoomKeyBySessionId',
    method: 'DELETE',
    path: '/_matrix/client/v3/room_keys/keys/:roomId/:sessionId',
    auth: 'user',
    whileSuspended: true,
    params: RoomSession,
    query: Version,
    reply: State,
    handle: ({ session, params, query }) => keys.delete(session.user, query.version, params),
  }),
]

/** Encrypted copies of keys, which clients keep here for their later selves. */
export const backupRoutes = (deps: BackupRouteDeps): Route[] => [
  ...versionRoutes(deps),
  ...allKeysRoutes(deps),
  ...roomKeysRoutes(deps),
  ...sessionKeyRoutes(deps),
]

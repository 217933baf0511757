import { Type } from 'typebox'
import { RawJson, route, type Route, type Session } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import type { Json, JsonObject } from '../../matrix/json.ts'
import type { Keys } from './keys.ts'

/** Whose devices a client has to look at anew, and whose it may forget. */
export interface KeyChanges {
  readonly changed: readonly string[]
  readonly left: readonly string[]
}

export interface KeysRouteDeps {
  readonly keys: Keys
  /** Port, filled by sync/: what happened to device lists in `(from, to]`, tokens of syncs. @throws MatrixError M_INVALID_PARAM */
  readonly keyChanges: (session: Session, from: string, to: string) => Promise<KeyChanges>
}

const texts = Type.Record(Type.String(), Type.String())
/** @see https://spec.matrix.org/v1.19/client-server-api/#definition-devicekeys */
export const deviceKeysShape = Type.Unsafe<JsonObject>(
  Type.Object({
    user_id: Type.String(),
    device_id: Type.String(),
    algorithms: Type.Array(Type.String({ maxLength: 255 }), { maxItems: 50 }),
    keys: texts,
    signatures: Type.Record(Type.String(), texts),
  }),
)
/** @see https://spec.matrix.org/v1.19/client-server-api/#definition-onetimekeys */
export const keysShape = Type.Unsafe<Record<string, Json>>(
  Type.Record(
    Type.String(),
    Type.Union([Type.String(), Type.Object({ key: Type.String(), signatures: Type.Record(Type.String(), texts) })]),
  ),
)

const UploadBody = Type.Object({
  device_keys: Type.Optional(deviceKeysShape),
  one_time_keys: Type.Optional(keysShape),
  fallback_keys: Type.Optional(keysShape),
})
const QueryBody = Type.Object({
  timeout: Type.Optional(Type.Integer()),
  device_keys: Type.Record(Type.String(), Type.Array(Type.String())),
})
const ClaimBody = Type.Object({
  timeout: Type.Optional(Type.Integer()),
  one_time_keys: Type.Record(Type.String(), texts),
})

const failures = Type.Record(Type.String(), Type.Object({}))
const QueryReply = Type.Object({
  failures,
  device_keys: Type.Object({}),
  master_keys: Type.Object({}),
  self_signing_keys: Type.Object({}),
  user_signing_keys: Type.Object({}),
})

/** Keys of devices: given, asked for, claimed. */
export const keysRoutes = ({ keys, keyChanges }: KeysRouteDeps): Route[] => [
  /** @see https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysupload */
  route({
    id: 'uploadKeys',
    method: 'POST',
    path: '/_matrix/client/v3/keys/upload',
    auth: 'guest',
    whileSuspended: true,
    limit: 'session',
    body: UploadBody,
    reply: Type.Object({ one_time_key_counts: Type.Record(Type.String(), Type.Integer()) }),
    handle: async ({ session: { user, userId, device, deviceId }, body }) => {
      if (device === null || deviceId === null)
        throw new MatrixError('M_INVALID_PARAM', 'This access token is of no device')
      return { one_time_key_counts: { ...(await keys.upload({ user, userId, device, deviceId }, body)).counts } }
    },
  }),
  /** @see https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysquery */
  route({
    id: 'queryKeys',
    method: 'POST',
    path: '/_matrix/client/v3/keys/query',
    auth: 'guest',
    whileSuspended: true,
    body: QueryBody,
    reply: QueryReply,
    handle: async ({ session, body }) => new RawJson(await keys.query(session, body.device_keys, body.timeout)),
  }),
  /** @see https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysclaim */
  route({
    id: 'claimKeys',
    method: 'POST',
    path: '/_matrix/client/v3/keys/claim',
    auth: 'guest',
    whileSuspended: true,
    body: ClaimBody,
    reply: Type.Object({ failures, one_time_keys: Type.Object({}) }),
    handle: async ({ body }) => new RawJson(await keys.claim(body.one_time_keys, body.timeout)),
  }),
  /** @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3keyschanges */
  route({
    id: 'getKeysChanges',
    method: 'GET',
    path: '/_matrix/client/v3/keys/changes',
    auth: 'user',
    query: Type.Object({ from: Type.String(), to: Type.String() }),
    reply: Type.Object({ changed: Type.Array(Type.String()), left: Type.Array(Type.String()) }),
    handle: async ({ session, query }) => {
      const { changed, left } = await keyChanges(session, query.from, query.to)
      return { changed: [...changed], left: [...left] }
    },
  }),
]

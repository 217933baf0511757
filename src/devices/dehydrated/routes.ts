import { Type } from 'typebox'
import { route, type Route } from '../../http/index.ts'
import type { JsonObject } from '../../matrix/json.ts'
import { shortText } from '../../users/index.ts'
import { deviceKeysShape, keysShape } from '../keys/routes.ts'
import type { Dehydrated } from './dehydrated.ts'

export interface DehydratedRouteDeps {
  readonly dehydrated: Dehydrated
}

const path = '/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device'

const Data = Type.Unsafe<JsonObject>(Type.Object({ algorithm: Type.String() }))
const DeviceId = Type.Object({ device_id: Type.String() })
const Params = Type.Object({ deviceId: Type.String({ maxLength: 512, pattern: '^[^\\u0000]*$' }) })
const PutBody = Type.Object({
  device_id: Type.String({ minLength: 1, maxLength: 512, pattern: '^[^\\u0000]*$' }),
  device_data: Data,
  initial_device_display_name: Type.Optional(shortText),
  device_keys: deviceKeysShape,
  one_time_keys: Type.Optional(keysShape),
  fallback_keys: Type.Optional(keysShape),
})
const Events = Type.Object({
  events: Type.Array(Type.Unsafe<JsonObject>(Type.Object({}))),
  next_batch: Type.Optional(Type.String()),
})

/** As many as a sync hands over at once. */
const atOnce = 100
const mostAtOnce = 1000

/**
 * Dehydrated devices, as matrix-js-sdk and the Rust SDK use them.
 * @see https://github.com/matrix-org/matrix-spec-proposals/pull/3814
 */
export const dehydratedRoutes = ({ dehydrated }: DehydratedRouteDeps): Route[] => [
  route({
    id: 'putDehydratedDevice',
    method: 'PUT',
    path,
    auth: 'user',
    whileSuspended: true,
    limit: 'session',
    body: PutBody,
    reply: DeviceId,
    handle: async ({ session, body }) => {
      const { device_id: deviceId, device_data: data, initial_device_display_name: displayName, ...keys } = body
      await dehydrated.put(session, { deviceId, data, displayName, keys })
      return { device_id: deviceId }
    },
  }),
  route({
    id: 'getDehydratedDevice',
    method: 'GET',
    path,
    auth: 'user',
    reply: Type.Object({ device_id: Type.String(), device_data: Data }),
    handle: async ({ session }) => {
      const { deviceId, data } = await dehydrated.get(session.user)
      return { device_id: deviceId, device_data: data }
    },
  }),
  route({
    id: 'deleteDehydratedDevice',
    method: 'DELETE',
    path,
    auth: 'user',
    whileSuspended: true,
    limit: 'session',
    reply: DeviceId,
    handle: async ({ session }) => ({ device_id: await dehydrated.delete(session.user) }),
  }),
  /** There is a `next_batch` as long as there is more. */
  route({
    id: 'getDehydratedDeviceEvents',
    method: 'GET',
    path: `${path}/:deviceId/events`,
    auth: 'user',
    params: Params,
    reply: Events,
    query: Type.Object({ from: Type.Optional(Type.String()), limit: Type.Optional(Type.Integer({ minimum: 1 })) }),
    handle: async ({ session, params, query }) => {
      const { events, next, hasMore } = await dehydrated.events(
        session.user,
        params.deviceId,
        query.from,
        Math.min(query.limit ?? atOnce, mostAtOnce),
      )
      return { events: [...events], ...(hasMore && { next_batch: next }) }
    },
  }),
  /** The earlier form, which has a `next_batch` always: who asks for no more is told by an empty list. */
  route({
    id: 'postDehydratedDeviceEvents',
    method: 'POST',
    path: `${path}/:deviceId/events`,
    auth: 'user',
    whileSuspended: true,
    params: Params,
    reply: Events,
    body: Type.Object({ next_batch: Type.Optional(Type.String()) }),
    handle: async ({ session, params, body }) => {
      const { events, next } = await dehydrated.events(session.user, params.deviceId, body.next_batch, atOnce)
      return { events: [...events], next_batch: next }
    },
  }),
]

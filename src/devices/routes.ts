import { Type } from 'typebox'
import { Reply, route, type Route } from '../http/index.ts'
import { MatrixError } from '../matrix/errors.ts'
import type { JsonObject } from '../matrix/json.ts'
import type { Log } from '../streams/index.ts'
import { anyObject, shortText } from '../users/index.ts'
import { backupRoutes } from './backup/routes.ts'
import { crossSigningRoutes } from './cross-signing/routes.ts'
import { dehydratedRoutes } from './dehydrated/routes.ts'
import type { ToConfirm } from './deps.ts'
import type { Device, Devices } from './devices.ts'
import { keysRoutes, type KeysRouteDeps } from './keys/routes.ts'
import type { Messages } from './to-device.ts'

export interface DevicesRouteDeps extends Pick<KeysRouteDeps, 'keyChanges'> {
  readonly devices: Devices
  readonly log: Log
  /** Port, filled by login/: returns when the user has confirmed the request, and throws the answer that asks for it otherwise. */
  readonly confirm: (request: ToConfirm) => Promise<void>
}

const DeviceParams = Type.Object({ deviceId: Type.String({ maxLength: 512, pattern: '^[^\\u0000]*$' }) })
const DeviceReply = Type.Object({
  device_id: Type.String(),
  display_name: Type.Optional(Type.String()),
  last_seen_ip: Type.Optional(Type.String()),
  last_seen_ts: Type.Integer(),
})
const DeleteMany = Type.Unsafe<JsonObject & { devices: string[] }>(
  Type.Object({ devices: Type.Array(DeviceParams.properties.deviceId, { maxItems: 1000 }) }),
)
const SendBody = Type.Object({
  messages: Type.Unsafe<Messages>(Type.Record(Type.String(), Type.Record(Type.String(), Type.Object({})))),
})

const notFound = (): MatrixError => new MatrixError('M_NOT_FOUND', 'You have no such device')

const shown = (device: Device) => ({
  device_id: device.deviceId,
  ...(device.displayName !== null && { display_name: device.displayName }),
  ...(device.lastSeenIp !== null && { last_seen_ip: device.lastSeenIp }),
  last_seen_ts: device.lastSeenTs,
})

/** A user's own devices. */
const managementRoutes = ({ devices, log, confirm }: DevicesRouteDeps): Route[] => [
  /** @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3devices */
  route({
    id: 'getDevices',
    method: 'GET',
    path: '/_matrix/client/v3/devices',
    auth: 'guest',
    reply: Type.Object({ devices: Type.Array(DeviceReply) }),
    handle: async ({ session }) => ({ devices: (await devices.list(session.user)).map(shown) }),
  }),
  /** @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3devicesdeviceid */
  route({
    id: 'getDevice',
    method: 'GET',
    path: '/_matrix/client/v3/devices/:deviceId',
    auth: 'guest',
    params: DeviceParams,
    reply: DeviceReply,
    handle: async ({ session, params }) => {
      const device = await devices.get(session.user, params.deviceId)
      if (!device) throw notFound()
      return shown(device)
    },
  }),
  /**
   * Those who share a room learn the new name. An application service makes a device in this way, and needs no session for it.
   * @see https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3devicesdeviceid
   */
  route({
    id: 'updateDevice',
    method: 'PUT',
    path: '/_matrix/client/v3/devices/:deviceId',
    auth: 'guest',
    whileSuspended: true,
    limit: 'session',
    params: DeviceParams,
    body: Type.Object({ display_name: Type.Optional(shortText) }),
    reply: Type.Object({}),
    handle: async ({ session, params, body, ip, userAgent }) => {
      const found =
        body.display_name === undefined
          ? await devices.get(session.user, params.deviceId)
          : await devices.rename(session.user, params.deviceId, body.display_name)
      if (found) return {}
      if (session.appservice === undefined) throw notFound()
      await log.write((tx) =>
        devices.ensure(tx, {
          user: session.user,
          deviceId: params.deviceId,
          displayName: body.display_name,
          ip,
          userAgent,
        }),
      )
      return new Reply({ status: 201, headers: { 'content-type': 'application/json' }, body: '{}' })
    },
  }),
  /**
   * Deletes a device with its sessions and all that waits for it, once the user has confirmed that.
   * @see https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3devicesdeviceid
   */
  route({
    id: 'deleteDevice',
    method: 'DELETE',
    path: '/_matrix/client/v3/devices/:deviceId',
    auth: 'user',
    whileSuspended: true,
    limit: 'session',
    params: DeviceParams,
    body: anyObject,
    reply: Type.Object({}),
    handle: async ({ session, params, body, ip }) => {
      await confirm({ session, operation: `delete device ${params.deviceId}`, body, ip })
      await log.write((tx) => devices.delete(tx, session.user, [params.deviceId]))
      return {}
    },
  }),
  /** As deleteDevice, for several at once. @see https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3delete_devices */
  route({
    id: 'deleteDevices',
    method: 'POST',
    path: '/_matrix/client/v3/delete_devices',
    auth: 'user',
    whileSuspended: true,
    limit: 'session',
    body: DeleteMany,
    reply: Type.Object({}),
    handle: async ({ session, body, ip }) => {
      await confirm({ session, operation: `delete devices ${JSON.stringify(body.devices)}`, body, ip })
      await log.write((tx) => devices.delete(tx, session.user, body.devices))
      return {}
    },
  }),
]

/** Messages from device to device. */
const messageRoutes = ({ devices }: DevicesRouteDeps): Route[] => [
  /** The messages wait for their devices' next sync. @see https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3sendtodeviceeventtypetxnid */
  route({
    id: 'sendToDevice',
    method: 'PUT',
    path: '/_matrix/client/v3/sendToDevice/:eventType/:txnId',
    auth: 'guest',
    whileSuspended: true,
    limit: 'message',
    params: Type.Object({ eventType: shortText, txnId: shortText }),
    body: SendBody,
    bodyLimit: 4 * 1024 * 1024,
    reply: Type.Object({}),
    handle: async ({ session, params, body }) => {
      // Whose messages reach nobody is not told so.
      if (session.shadowBanned) return {}
      const sender = session.device ?? -session.tokenId
      await devices.toDevice.send(session.userId, params.eventType, body.messages, { sender, txnId: params.txnId })
      return {}
    },
  }),
]

/** Devices, messages to them, and their keys. */
export const devicesRoutes = (deps: DevicesRouteDeps): Route[] => {
  const all = { ...deps, ...deps.devices }
  return [
    ...managementRoutes(deps),
    ...messageRoutes(deps),
    ...keysRoutes(all),
    ...crossSigningRoutes(all),
    ...backupRoutes(all),
    ...dehydratedRoutes(all),
  ]
}

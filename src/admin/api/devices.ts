import { Type } from 'typebox'
import type { Route } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import type { Device } from '../../devices/index.ts'
import type { AdminApiDeps } from '../deps.ts'
import { readDehydratedDevice } from '../store/devices.ts'
import { adminRoute, Empty, UserParams } from './route.ts'
import { anyAccount } from './user.ts'

const DeviceParams = Type.Object({ userId: Type.String(), deviceId: Type.String() })
const listPath = '/_synapse/admin/v2/users/:userId/devices'
const devicePath = '/_synapse/admin/v2/users/:userId/devices/:deviceId'

const shown = (userId: string, device: Device, dehydrated: number | undefined) => ({
  device_id: device.deviceId,
  ...(device.displayName !== null && { display_name: device.displayName }),
  last_seen_ip: device.lastSeenIp,
  last_seen_user_agent: device.userAgent,
  last_seen_ts: device.lastSeenTs,
  user_id: userId,
  dehydrated: device.nid === dehydrated,
})

/** The devices of an account. */
export const deviceRoutes = (deps: AdminApiDeps): Route[] => {
  const { devices, database, log } = deps
  const remove = async (user: number, ids: readonly string[]): Promise<Record<string, never>> => {
    await log.write((tx) => devices.delete(tx, user, ids))
    return {}
  }
  return [
    adminRoute(deps, {
      id: 'adminListDevices',
      method: 'GET',
      path: listPath,
      params: UserParams,
      reply: Type.Object({ devices: Type.Array(Type.Object({})), total: Type.Integer() }),
      handle: async ({ params }) => {
        const { nid, userId } = await anyAccount(deps, params.userId)
        const dehydrated = await readDehydratedDevice(database.read, nid)
        const list = (await devices.list(nid)).map((device) => shown(userId, device, dehydrated))
        return { devices: list, total: list.length }
      },
    }),
    /** Does nothing when it is there. */
    adminRoute(deps, {
      id: 'adminCreateDevice',
      method: 'POST',
      path: listPath,
      params: UserParams,
      body: Type.Object({ device_id: Type.String(), display_name: Type.Optional(Type.String()) }),
      reply: Empty,
      handle: async ({ params, body }) => {
        const { nid: user, deactivated } = await anyAccount(deps, params.userId)
        if (deactivated) throw new MatrixError('M_USER_DEACTIVATED', 'This account has been deactivated')
        await log.write((tx) => devices.ensure(tx, { user, deviceId: body.device_id, displayName: body.display_name }))
        return {}
      },
    }),
    adminRoute(deps, {
      id: 'adminGetDevice',
      method: 'GET',
      path: devicePath,
      params: DeviceParams,
      reply: Type.Object({ device_id: Type.String() }),
      handle: async ({ params }) => {
        const { nid, userId } = await anyAccount(deps, params.userId)
        const device = await devices.get(nid, params.deviceId)
        if (!device) throw new MatrixError('M_NOT_FOUND', 'No device found')
        return shown(userId, device, await readDehydratedDevice(database.read, nid))
      },
    }),
    adminRoute(deps, {
      id: 'adminRenameDevice',
      method: 'PUT',
      path: devicePath,
      params: DeviceParams,
      body: Type.Object({ display_name: Type.Optional(Type.String()) }),
      reply: Empty,
      handle: async ({ params, body }) => {
        const { nid } = await anyAccount(deps, params.userId)
        const found =
          body.display_name === undefined
            ? await devices.get(nid, params.deviceId)
            : await devices.rename(nid, params.deviceId, body.display_name)
        if (!found) throw new MatrixError('M_NOT_FOUND', 'No device found')
        return {}
      },
    }),
    adminRoute(deps, {
      id: 'adminDeleteDevice',
      method: 'DELETE',
      path: devicePath,
      params: DeviceParams,
      reply: Empty,
      handle: async ({ params }) => remove((await anyAccount(deps, params.userId)).nid, [params.deviceId]),
    }),
    adminRoute(deps, {
      id: 'adminDeleteDevices',
      method: 'POST',
      path: '/_synapse/admin/v2/users/:userId/delete_devices',
      params: UserParams,
      body: Type.Object({ devices: Type.Array(Type.String(), { maxItems: 1000 }) }),
      reply: Empty,
      handle: async ({ params, body }) => remove((await anyAccount(deps, params.userId)).nid, body.devices),
    }),
  ]
}

export {
  openDevices,
  type DeletionHook,
  type Device,
  type Devices,
  type DevicesDeps,
  type WantedDevice,
} from './devices.ts'
export type { DeviceListNews } from './list-changes.ts'
export { devicesRoutes, type DevicesRouteDeps, type ToConfirm } from './routes.ts'
export type { Messages, ToDevice, ToDeviceNews, Transaction } from './to-device.ts'
export { recentUsers, type RecentUsers } from './recent.ts'
export type { KeyCounts } from './keys/counts.ts'
export type { KeyChanges } from './keys/routes.ts'

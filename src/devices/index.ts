export { openDevices, type DeletionHook, type Device, type Devices, type DevicesDeps, type WantedDevice } from './devices.ts'
export type { DeviceListNews } from './list-changes.ts'
export { devicesRoutes, type DevicesRouteDeps, type ToConfirm } from './routes.ts'
export type { Messages, ToDevice, ToDeviceNews, Transaction } from './to-device.ts'

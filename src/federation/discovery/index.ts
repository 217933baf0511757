export { openDiscovery, type Discovery, type Place } from './discovery.ts'
export { splitName } from './name.ts'

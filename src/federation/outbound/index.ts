export { openOutbound, type Outbound } from './outbound.ts'
export type { Counted, OutboundDeps } from './deps.ts'

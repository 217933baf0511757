export type { Events } from './event-cache.ts'
export { bumps } from './commit.ts'
export type { FirstDrafts } from './new-room.ts'
export { redactedForm } from './redaction.ts'
export {
  emptySummary,
  memberFrom,
  membershipIn,
  summarise,
  type Member,
  type Membership,
  type Room,
  type RoomSummary,
} from './room.ts'
export type { Removal } from './removal.ts'
export { openRooms, stateSecret, type Rooms, type RoomsDeps } from './rooms.ts'
export type { Draft } from './stage.ts'
export { stateOfType } from './state-of-type.ts'
export { openStateKeys, type StateKeys } from './state-keys.ts'
export { flatten, holderIn, openStateSets, type StateMap, type StateSets } from './state-sets.ts'
export { summaryColumns } from './store/rooms.ts'
export { insertStateLayer, type StateLayer } from './store/state.ts'
export { delayedDevice, standings, type StoredEvent } from './stored-event.ts'
export type { UserRoom } from './user-rooms.ts'
export type { RoomImport } from './receive/import.ts'
export type { RemoteEvents, SigningKeys, StateIds } from './receive/ports.ts'
export type { Arrival, Receiver } from './receive/receiver.ts'

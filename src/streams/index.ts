export type { Entry, EntryKind, NewEntry } from './entry.ts'
export { openLog, type Log, type LogTx } from './log.ts'
export type { Tail } from './tail.ts'
export type { Watch } from './watch.ts'

export { openLog, type Entry, type EntryKind, type Log, type LogTx, type NewEntry } from './log.ts'
export type { Tail } from './tail.ts'
export type { Watch } from './watch.ts'

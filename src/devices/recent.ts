import type { EntryKind, Log } from '../streams/index.ts'

/** Whose entries of one kind came lately. */
export interface RecentUsers {
  /** The users of the entries in `(since, until]`; undefined when memory does not go back that far. */
  between(since: number, until: number): ReadonlySet<number> | undefined
}

interface Change {
  readonly position: number
  readonly user: number
}

const kept = 10_000
const none: ReadonlySet<number> = new Set()

/** Remembers the newest entries of a kind by user, so that a reader need not walk through everything else in the log. */
export function recentUsers(log: Log, kind: EntryKind): RecentUsers {
  let start = log.now
  let changes: Change[] = []
  log.listen((entry) => {
    if (entry.kind !== kind || entry.user === undefined) return
    changes.push({ position: entry.position, user: entry.user })
    if (changes.length <= 2 * kept) return
    start = changes[kept - 1]?.position ?? start
    changes = changes.slice(kept)
  })
  return {
    between: (since, until) => {
      if (since < start) return undefined
      if ((changes.at(-1)?.position ?? 0) <= since) return none
      const users = new Set<number>()
      for (let index = changes.length - 1; index >= 0; index--) {
        const change = changes[index]
        if (!change || change.position <= since) break
        if (change.position <= until) users.add(change.user)
      }
      return users
    },
  }
}

import type { Database } from '../storage/index.ts'
import { fold, wordsOf } from '../users/index.ts'
import { readVisibleUsers, type FoundUser } from './user-store.ts'

export interface UserSearch {
  /** Short id of who asks. */
  readonly viewer: number
  readonly term: string
  readonly limit: number
}

export interface FoundUsers {
  readonly users: readonly FoundUser[]
  /** Whether there are more. */
  readonly limited: boolean
}

/** Candidates that are ranked for one search; of a term that fits more, those with the shortest words. */
const mostCandidates = 500

/**
 * Users by the beginnings of the words in their names, the likeliest first: whose localpart is the term, whose display name it is,
 * whose localpart or display name begins with it, and those who have it further on.
 */
export async function searchUsers(
  { database, serverName }: { database: Database; serverName: string },
  search: UserSearch,
): Promise<FoundUsers> {
  const term = nameIn(search.term.trim(), serverName)
  const words = wordsOf(term).toSorted((a, b) => b.length - a.length)
  const [longest] = words
  if (longest === undefined) return { users: [], limited: false }
  const candidates = await readVisibleUsers(database.read, {
    viewer: search.viewer,
    prefix: longest,
    limit: mostCandidates,
  })
  const folded = fold(term)
  const ranked = candidates
    .filter((user) => hasAll(user, words))
    .map((user) => ({ user, rank: rankOf(user, folded) }))
    .toSorted(
      (a, b) => a.rank - b.rank || bareness(a.user) - bareness(b.user) || (a.user.userId < b.user.userId ? -1 : 1),
    )
  return {
    users: ranked.slice(0, search.limit).map(({ user }) => user),
    limited: ranked.length > search.limit || candidates.length === mostCandidates,
  }
}

/** What of a term can be in a name: of a user id, also one that is not yet typed to its end, the localpart. */
function nameIn(term: string, serverName: string): string {
  const [, localpart, server] = /^@([^:]*)(?::(.*))?$/s.exec(term) ?? []
  if (localpart === undefined) return term
  return serverName.startsWith(server ?? '') ? localpart : ''
}

function hasAll(user: FoundUser, words: readonly string[]): boolean {
  const names = [...wordsOf(user.localpart), ...wordsOf(user.displayName ?? '')]
  return words.every((word) => names.some((name) => name.startsWith(word)))
}

function rankOf({ localpart, displayName }: FoundUser, folded: string): number {
  const [local, shown] = [fold(localpart), fold(displayName ?? '')]
  if (local === folded) return 0
  if (shown === folded) return 1
  if (local.startsWith(folded)) return 2
  return shown.startsWith(folded) ? 3 : 4
}

const bareness = ({ displayName, avatarUrl }: FoundUser): number =>
  (displayName === null ? 2 : 0) + (avatarUrl === null ? 1 : 0)

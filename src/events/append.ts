import { authTypesFor } from '../matrix/auth-rules/index.ts'
import { MatrixError } from '../matrix/errors.ts'
import type { Users } from '../users/index.ts'
import { commit, HeadDied, type CommitDeps } from './commit.ts'
import type { EventCache } from './event-cache.ts'
import type { Head, Room } from './room.ts'
import { outlineOf, stageAll, type Draft, type Prepared, type StageDeps } from './stage.ts'
import type { StoredEvent } from './stored-event.ts'

export interface AppendDeps extends StageDeps, CommitDeps {
  readonly events: EventCache
  readonly users: Pick<Users, 'peekNid' | 'intern' | 'namesOf'>
}

/**
 * Builds events of this server at the head of a room, checks them against the auth rules, and commits them as one change:
 * all of them or none. Resolves after the commit, when syncs have been told.
 *
 * Nothing is awaited between reading the head and moving it, so that no two senders see the same one. The head in memory runs
 * ahead of the commit; should that fail, the head is dropped, with everything that was built upon it.
 * @throws {MatrixError} M_FORBIDDEN with the reason; M_TOO_LARGE; M_BAD_JSON.
 */
export async function append(
  deps: AppendDeps,
  room: Room,
  drafts: readonly Draft[],
  options: { creating?: boolean } = {},
): Promise<StoredEvent[]> {
  const prepared: Prepared[] = []
  for (const draft of drafts) prepared.push(await prepare(deps, room, draft))
  for (let died = 0; ;) {
    // Its owner is asked, and not who hands in the room: that may be of another time.
    const head = deps.heads.peek(room.nid) ?? (await deps.heads.get(room.nid))
    if (!head) throw new MatrixError('M_NOT_FOUND', 'The room is gone')
    const missing = missingEvents(deps, head, prepared)
    if (missing.length > 0) {
      await deps.events.many(missing)
      continue
    }
    try {
      return await commit(deps, head, stageAll(deps, head, prepared), options.creating ?? false)
    } catch (error) {
      // Somebody else's change failed, or the room is being removed: this one is made anew upon what is there now.
      if (!(error instanceof HeadDied) || ++died > mostDied) throw error
    }
  }
}

/** How often a change is made anew before it fails. */
const mostDied = 5

async function prepare(deps: AppendDeps, room: Room, draft: Draft): Promise<Prepared> {
  const { stateKey, type } = draft
  // The auth rules look at the create event even where it is not cited.
  const needs: Prepared['needs'] = [['m.room.create', ''], ...authTypesFor(outlineOf(draft), room.version)]
  for (const [needType, needKey] of needs)
    if (deps.stateKeys.peek(needType, needKey) === undefined) await deps.stateKeys.find(needType, needKey)
  return {
    draft,
    needs,
    stateKeyNid:
      stateKey === undefined
        ? undefined
        : (deps.stateKeys.peek(type, stateKey) ?? (await deps.stateKeys.intern(type, stateKey))),
    target:
      stateKey !== undefined && type === 'm.room.member'
        ? (deps.users.peekNid(stateKey) ?? (await deps.users.intern(stateKey)))
        : undefined,
  }
}

/** What the drafts look at and is not in memory. */
function missingEvents(deps: AppendDeps, room: Head, prepared: readonly Prepared[]): number[] {
  const looked: Array<number | undefined> =
    room.version.eventFormat === 'v1' ? room.extremities.map((one) => one.nid) : []
  for (const { needs, stateKeyNid } of prepared) {
    for (const [type, stateKey] of needs) looked.push(room.state.get(deps.stateKeys.peek(type, stateKey) ?? 0))
    if (stateKeyNid !== undefined) looked.push(room.state.get(stateKeyNid))
  }
  return looked.filter((nid) => nid !== undefined && !deps.events.peek(nid)) as number[] // undefined is filtered out
}

import type { RoomEventFilter } from '../matrix/filter.ts'
import type { Database } from '../storage/index.ts'
import type { Log } from '../streams/index.ts'
import type { Users } from '../users/index.ts'
import { openAggregations } from './aggregations.ts'
import { openErasure } from './erasure.ts'
import { bundlesOf, type Bundle } from './bundle.ts'
import { relatedBy } from './related.ts'
import type { Room, Rooms, StoredEvent } from '../events/index.ts'
import { serialise, type Reader } from './serialise.ts'
import { openSight, type Onlooker, type Sight } from './sight.ts'

/** What was said in rooms, as one user may see it. */
export interface History {
  readonly sight: Sight
  /**
   * Those of the events that the user may see by the rooms' history visibility, in the same order. They may be of several rooms:
   * one call for all is cheaper than many.
   * @see https://spec.matrix.org/v1.19/client-server-api/#room-history-visibility
   */
  visible(who: Onlooker, list: readonly StoredEvent[]): Promise<readonly StoredEvent[]>
  /** Those of the events that others relate to as the filter asks for. */
  related(filter: RoomEventFilter, list: readonly StoredEvent[]): Promise<readonly StoredEvent[]>
  canSee(who: Onlooker, stored: StoredEvent): Promise<boolean>
  /** Has other servers tell what happened in a room before all that is here. */
  older: RemoteHistory['older']
  /** The events with nothing in them of erased users that the reader was not there for; see erasure.ts. `serialise` does so by itself. */
  conceal(who: Onlooker, list: readonly StoredEvent[]): Promise<readonly StoredEvent[]>
  /**
   * Events as clients get them, as JSON texts, in the same order. Costs nothing beyond what is in memory for events that nothing
   * relates to and that replace nothing.
   */
  serialise(list: readonly StoredEvent[], reader: Reader): Promise<string[]>
  /** What relates to the events and is summarised in `m.relations`, as far as the user may know of it; by short id. */
  bundles(who: Onlooker, list: readonly StoredEvent[]): Promise<ReadonlyMap<number, Bundle>>
}

/** Port, filled by federation/: what happened in a room before all that is here. */
export interface RemoteHistory {
  /** `more`: there is more here now; `none`: there is no more; `failed`: nobody has told. */
  older(room: Room): Promise<'more' | 'none' | 'failed'>
}

export interface HistoryDeps {
  /** Absent: there are no other servers. */
  readonly remote?: RemoteHistory | undefined
  readonly rooms: Rooms
  readonly users: Users
  readonly database: Database
  readonly log: Log
  readonly serverName: string
}

/** Opens the one door to what was said. To be opened once, before the first event is sent. */
export function openHistory(deps: HistoryDeps): History {
  const sight = openSight(deps)
  const aggregations = openAggregations(deps)
  deps.log.listen((entry) => {
    sight.hear(entry)
    aggregations.hear(entry)
  })
  const erasure = openErasure({ ...deps, sight })
  const bundling = { ...deps, sight, aggregations, erasure }
  return {
    sight,
    visible: (who, list) => sight.visible(who, list),
    related: (filter, list) => relatedBy(deps, filter, list),
    conceal: (who, list) => erasure.conceal(who, list),
    older: async (room) => {
      const outcome = (await deps.remote?.older(room)) ?? 'none'
      if (outcome === 'more') sight.forget(room.nid)
      return outcome
    },
    canSee: async (who, stored) => (await sight.visible(who, [stored])).length === 1,
    serialise: (list, reader) => serialise(bundling, list, reader),
    bundles: (who, list) => bundlesOf(bundling, who, list),
  }
}

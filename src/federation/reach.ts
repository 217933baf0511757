import { backOff } from '../jobs/index.ts'
import type { Database } from '../storage/index.ts'
import { readFailing, saveReach, type ReachState } from './store.ts'

/** Remembers which servers answer, over restarts. */
export interface Reach {
  of(server: string): ReachState
  /** Whether it failed so short a while ago that nobody need wait to see it fail again. */
  isDown(server: string): boolean
  failed(server: string): void
  /** It answered, or asked for something: the pause is over. */
  answered(server: string): void
  /** Calls `listener` when a server that failed can be reached again. */
  onReturn(listener: (server: string) => void): void
  /** When it failed last, since the start, in ms; undefined where it did not. */
  lastFailure(server: string): number | undefined
  /** Every server that does not answer. */
  failing(): ReadonlyMap<string, ReachState>
}

export interface ReachDeps {
  readonly database: Database
  readonly now: () => number
  readonly chance: () => number
  readonly onError: (error: unknown) => void
}

/** What goes out by itself waits so long. */
const waits = { firstMs: 60_000, mostMs: 24 * 60 * 60_000 }
/** Whoever waits for an answer is not refused for longer than this after the last failure. */
const refuseForMs = 2 * 60_000
/** Failures within so short a time are one. */
const oneFailureMs = 10_000
/** Names of others are without number. */
const mostFailing = 20_000

const fine: ReachState = { failures: 0, failingSince: null, retryTs: 0 }

export async function openReach({ database, now, chance, onError }: ReachDeps): Promise<Reach> {
  const states = new Map<string, ReachState & { readonly lastTs: number }>()
  for (const { server, ...state } of await readFailing(database.read, mostFailing))
    states.set(server, { ...state, lastTs: 0 })
  const listeners: Array<(server: string) => void> = []
  const save = (server: string, state: ReachState): void => {
    database.write((tx) => saveReach(tx, server, state)).catch(onError)
  }
  return {
    of: (server) => states.get(server) ?? fine,
    isDown: (server) => {
      const state = states.get(server)
      return state !== undefined && state.retryTs > now() && now() - state.lastTs < refuseForMs
    },
    failed: (server) => {
      const before = states.get(server)
      if (before && now() - before.lastTs < oneFailureMs) return
      if (!before && states.size >= mostFailing) return
      const failures = (before?.failures ?? 0) + 1
      const state = {
        failures,
        failingSince: before?.failingSince ?? now(),
        retryTs: now() + backOff(failures, waits, chance()),
        lastTs: now(),
      }
      states.set(server, state)
      save(server, state)
    },
    answered: (server) => {
      if (!states.delete(server)) return
      save(server, fine)
      for (const listener of listeners) listener(server)
    },
    onReturn: (listener) => void listeners.push(listener),
    lastFailure: (server) => states.get(server)?.lastTs || undefined,
    failing: () => states,
  }
}

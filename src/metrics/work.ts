import { Counter, Histogram, type Registry } from 'prom-client'

/** In seconds: what should take a few milliseconds. */
const quick = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5]

/** Makes the numbers of what the server does beside answering: commits, waking syncs, resolving states, telling other servers. */
export function openWork(registry: Registry) {
  const registers = [registry]
  const commits = new Histogram({
    name: 'latchkey_commit_duration_seconds',
    registers,
    buckets: quick,
    help: 'How long transactions took, from their beginning until they were on the disk. How many there were is its count.',
  })
  const changes = new Histogram({
    name: 'latchkey_commit_changes',
    registers,
    buckets: [1, 2, 5, 10, 25, 50, 100, 250, 500],
    help: 'Changes in each of these: many that arrive together share one. How many there were is its sum.',
  })
  const wakes = new Histogram({
    name: 'latchkey_sync_wake_duration_seconds',
    registers,
    buckets: quick,
    help: 'From the commit of what a sync waited for until its answer was ready.',
  })
  const resolutions = new Histogram({
    name: 'latchkey_state_resolution_duration_seconds',
    registers,
    buckets: [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60],
    help: 'How long it took to make one state of a room of several that differed.',
  })
  const outbound = new Counter({
    name: 'latchkey_federation_sent_total',
    registers,
    labelNames: ['what'],
    help: 'What other servers were told: "transactions", "pdus" and "edus" that they took, "refused" events, "failures" to reach them.',
  })
  return {
    onCommit: (committed: { readonly changes: number; readonly ms: number }): void => {
      commits.observe(committed.ms / 1000)
      changes.observe(committed.changes)
    },
    onWoken: (ms: number): void => wakes.observe(ms / 1000),
    onResolved: (ms: number): void => resolutions.observe(ms / 1000),
    /** Without the server: there is no end of names. `latchkey_federation_waiting` has those that matter. */
    count: (_server: string, what: string, by: number): void => outbound.inc({ what }, by),
  }
}

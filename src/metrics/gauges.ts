import { Counter, Gauge, type Registry } from 'prom-client'
import type { Kept, Sources } from './sources.ts'

/** Destinations that have a label of their own, those with most waiting: names of other servers are without number. */
const mostDestinations = 20

type Holder = Kept['holders'] extends Iterable<infer One> ? One : never

/** Makes the numbers that are looked up when somebody asks. Those of parts that are not there are not told. */
export function openGauges(registry: Registry, sources: Partial<Sources>): void {
  const registers = [registry]
  const plain = (name: string, help: string, read: () => number | undefined): void => {
    const gauge: Gauge = new Gauge({ name, help, registers, collect: () => gauge.set(read() ?? 0) })
  }
  /** Several caches may hold the same sort of thing: they are summed up. */
  const ofCaches = (name: string, help: string, of: (holder: Holder) => number | undefined): void => {
    const collect = (): void => {
      made.reset()
      for (const holder of sources.database?.memory.holders ?? []) {
        const value = of(holder)
        if (value !== undefined) made.inc({ cache: holder.name }, value)
      }
    }
    const options = { name, help, registers, labelNames: ['cache'] as const, collect }
    const made = name.endsWith('_total') ? new Counter<'cache'>(options) : new Gauge<'cache'>(options)
  }

  plain('latchkey_log_position', 'The newest position of the log that clients are told of.', () => sources.log?.now)
  plain('latchkey_syncs', 'Syncs that wait for news, or are being answered.', () => sources.log?.watching)
  plain('latchkey_http_connections', 'Connections of clients and other servers.', () => sources.http?.connections)
  plain('latchkey_changes_waiting', 'Changes that wait for the next commit.', () => sources.database?.changesWaiting)
  const connections: Gauge<'state'> = new Gauge({
    name: 'latchkey_database_connections',
    registers,
    labelNames: ['state'],
    help: 'Connections that read PostgreSQL, "busy" or "idle"; with SQLite the thread that looks through much.',
    collect: () => {
      connections.set({ state: 'busy' }, sources.database?.connections.busy ?? 0)
      connections.set({ state: 'idle' }, sources.database?.connections.idle ?? 0)
    },
  })
  plain(
    'latchkey_database_queries_waiting',
    'Queries that wait for one of these connections.',
    () => sources.database?.connections.waiting,
  )

  plain(
    'latchkey_memory_budget_bytes',
    'What all caches may take together: the setting memory.',
    () => sources.database?.memory.limit,
  )
  ofCaches('latchkey_cache_bytes', 'What each cache takes of it, as an estimate.', ({ bytes }) => bytes)
  ofCaches('latchkey_cache_entries', 'How many entries each cache has.', ({ entries }) => entries)
  ofCaches('latchkey_cache_hits_total', 'How often something was looked for and was there.', ({ hits }) => hits)
  ofCaches('latchkey_cache_misses_total', 'How often it was not.', ({ misses }) => misses)

  const bridges: Gauge<'appservice'> = new Gauge({
    name: 'latchkey_appservice_waiting',
    registers,
    labelNames: ['appservice'],
    help: 'Entries of the log that an application service has not been told of, or that were not looked at for it.',
    collect: () => {
      for (const { id, waiting } of sources.appservices?.() ?? []) bridges.set({ appservice: id }, waiting)
    },
  })
  const bridgeFailures: Gauge<'appservice'> = new Gauge({
    name: 'latchkey_appservice_failures',
    registers,
    labelNames: ['appservice'],
    help: 'Attempts to tell it that failed one after the other; 0 when the last did not.',
    collect: () => {
      for (const { id, failures } of sources.appservices?.() ?? []) bridgeFailures.set({ appservice: id }, failures)
    },
  })

  const queue: Gauge<'destination'> = new Gauge({
    name: 'latchkey_federation_waiting',
    registers,
    labelNames: ['destination'],
    help: `Events and other things that wait in memory for another server: of the ${mostDestinations} with most, and of all "others".`,
    collect: () => {
      queue.reset()
      const all = [...(sources.destinations?.() ?? [])]
        .map(({ server, waiting: { events, edus } }) => ({ server, count: events + edus }))
        .filter(({ count }) => count > 0)
        .sort((a, b) => b.count - a.count)
      for (const { server, count } of all.slice(0, mostDestinations)) queue.set({ destination: server }, count)
      queue.set(
        { destination: 'others' },
        all.slice(mostDestinations).reduce((sum, { count }) => sum + count, 0),
      )
    },
  })
  plain('latchkey_federation_failing', 'Other servers that do not answer.', () => sources.failing?.())
}

import { collectDefaultMetrics, Counter, Histogram, Registry } from 'prom-client'
import { openGauges } from './gauges.ts'
import type { Sources } from './sources.ts'
import { openWork } from './work.ts'

/** What somebody who wanted to come in, or the token that they brought, came to. */
export interface SignInAttempt {
  /** The id of an identity provider; "password" or "login token" for what is of this server. */
  readonly provider: string
  /** What the credential was verified with. */
  readonly key?: string | undefined
  /** The check or rule that was not passed; undefined for who was let in. */
  readonly refusedBy?: string | undefined
}

/** Published keys come and go: only so many of a provider are told apart, over the life of a process. */
const mostKeys = 10
/** In seconds. What answers within one is nobody's worry; /sync waits for half a minute. */
const buckets = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 30, 60]

/** Counts what happens, for whoever reads it as Prometheus does. Every label has few values, which no client can make more. */
export const createRegistry = () => {
  const registry = new Registry()
  const registers = [registry]
  const requests = new Counter({
    name: 'latchkey_http_requests_total',
    registers,
    labelNames: ['route', 'status'],
    help: 'Requests that were answered, by the operation of docs/reference/endpoints.md ("unrecognized": no such path) and the status.',
  })
  const durations = new Histogram({
    name: 'latchkey_http_request_duration_seconds',
    registers,
    labelNames: ['route'],
    buckets,
    help: 'How long requests took, by operation. Those that wait for news (/sync) take as long as they wait.',
  })
  const attempts = new Counter({
    name: 'latchkey_sign_ins_total',
    registers,
    labelNames: ['provider', 'key', 'rule', 'outcome'],
    help:
      'People who were let in (outcome "accepted") and credentials that were not ("refused"), ' +
      'by identity provider, the key that verified them, and the check or rule that refused them.',
  })
  const work = openWork(registry)
  const sources: { -readonly [Name in keyof Sources]?: Sources[Name] } = {}
  openGauges(registry, sources)
  collectDefaultMetrics({ register: registry })

  const keys = new Map<string, Set<string>>()
  const keyOf = (provider: string, key: string | undefined): string => {
    if (key === undefined) return ''
    const known = keys.get(provider) ?? new Set()
    keys.set(provider, known)
    if (known.size < mostKeys) known.add(key)
    return known.has(key) ? key : 'other'
  }

  return {
    registry,
    /** What one operation of http/ calls for each answer. */
    tally: (route: string): ((status: number, ms: number) => void) => {
      const byStatus = new Map<number, Counter.Internal>()
      const duration = durations.labels(route)
      return (status, ms) => {
        let counter = byStatus.get(status)
        if (!counter) byStatus.set(status, (counter = requests.labels(route, String(status))))
        counter.inc()
        duration.observe(ms / 1000)
      }
    },
    signIn: ({ provider, key, refusedBy }: SignInAttempt): void =>
      attempts
        .labels(provider, keyOf(provider, key), refusedBy ?? '', refusedBy === undefined ? 'accepted' : 'refused')
        .inc(),
    ...work,
    /** Says where numbers are that are looked up when somebody asks. */
    follow: (opened: Partial<Sources>): void => void Object.assign(sources, opened),
  }
}

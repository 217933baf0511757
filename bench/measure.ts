// Running a load and saying what it took.
import type { Connection } from './wire.ts'
import type { Target } from './target.ts'

/** What a step measured: one number per operation, in the row's unit. */
export interface Sample {
  values: number[]
  /** How long the step ran, in seconds. */
  seconds: number
  errors: number
  firstError?: string
  /** Microseconds of the server's CPU time per operation, where its process is known. */
  cpu?: number
}

/** One line of the report. */
export interface Row {
  scenario: string
  what: string
  unit: 'ms' | 'MB' | 'bytes'
  count: number
  median: number
  p95: number
  p99: number
  /** Operations per second. */
  rate?: number
  cpu?: number
  errors?: number
  note?: string
}

/** The smallest value that at least `share` of the sorted values do not exceed. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? NaN
}

/** A report line out of a sample. With `rate` the operations per second are told too. */
export function row(
  scenario: string,
  what: string,
  sample: Sample,
  options: { rate?: boolean; unit?: Row['unit']; note?: string } = {},
): Row {
  const sorted = Float64Array.from(sample.values).sort()
  const note = [options.note, sample.firstError].filter(Boolean).join('; ')
  return {
    scenario,
    what,
    unit: options.unit ?? 'ms',
    count: sorted.length,
    median: quantile(sorted, 0.5),
    p95: quantile(sorted, 0.95),
    p99: quantile(sorted, 0.99),
    ...(options.rate ? { rate: sorted.length / sample.seconds } : {}),
    ...(sample.cpu === undefined ? {} : { cpu: sample.cpu }),
    ...(sample.errors ? { errors: sample.errors } : {}),
    ...(note ? { note } : {}),
  }
}

/** A sample of values that were not timed by a loop. */
export function sampleOf(values: number[]): Sample {
  return { values, seconds: 0, errors: 0 }
}

/**
 * Keeps every connection busy for `seconds`: each writes what `next` gives it, waits for the answer, and goes on.
 * A quarter as long before that warms the server up and is not counted, unless `cold`.
 */
export async function closedLoop(
  target: Target,
  load: {
    connections: Connection[]
    seconds: number
    next: (worker: number) => Buffer
    cold?: boolean
  },
): Promise<Sample> {
  const sample: Sample = { values: [], seconds: 0, errors: 0 }
  const warm = performance.now() + (load.cold ? 0 : load.seconds * 250)
  const end = warm + load.seconds * 1000
  let cpuAtStart: number | undefined
  const worker = async (connection: Connection, index: number): Promise<void> => {
    for (let before = performance.now(); before < end;) {
      const { status, body } = await connection.exchange(load.next(index))
      const after = performance.now()
      if (status >= 300) {
        sample.errors++
        sample.firstError ??= `${status} ${body.toString().slice(0, 200)}`
      } else if (before >= warm) sample.values.push(after - before)
      if (before >= warm) cpuAtStart ??= target.cpuSeconds()
      before = after
    }
  }
  await Promise.all(load.connections.map(worker))
  sample.seconds = (performance.now() - warm) / 1000
  const cpuAtEnd = target.cpuSeconds()
  if (cpuAtStart !== undefined && cpuAtEnd !== undefined && sample.values.length) {
    sample.cpu = ((cpuAtEnd - cpuAtStart) * 1e6) / sample.values.length
  }
  return sample
}

/** Runs `work` on every item, `width` at a time, for setting a scene. Rejects with the first failure. */
export async function each<T>(
  items: readonly T[],
  width: number,
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  const queue = items.entries()
  await Promise.all(
    Array.from({ length: Math.min(width, items.length) }, async () => {
      for (const [index, item] of queue) await work(item, index)
    }),
  )
}

import type { Row } from './measure.ts'
import type { Target } from './target.ts'

/** One thing to measure. `run` sets its own scene through the public API and returns report lines; none when the target does not allow it. */
export interface Scenario {
  name: string
  /** One sentence for the person who waits. */
  about: string
  run: (target: Target) => Promise<Row[]>
}

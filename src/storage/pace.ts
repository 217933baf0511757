/** How long whoever walks a long way may keep everybody else waiting, in ms, before it lets them have a turn. */
const longest = 10

let begun: number | undefined
let waiting: Array<() => void> = []

/** A turn of the event loop ends: those who rested go on, together, in a new one. */
function next(): void {
  begun = undefined
  const resumed = waiting
  waiting = []
  for (const resume of resumed) resume()
}

/**
 * Whether this turn of the event loop has lasted long enough: then `await rest()`. A database in this process answers without a turn,
 * and so does memory: a walk over much of either is one turn, unless it asks here at each step. Asking costs next to nothing.
 */
export function mustRest(): boolean {
  const now = performance.now()
  if (begun !== undefined) return now - begun > longest
  begun = now
  setImmediate(next)
  return false
}

/** Resolves in the next turn of the event loop. */
export const rest = (): Promise<void> =>
  new Promise((resolve) => {
    if (begun === undefined) mustRest()
    waiting.push(resolve)
  })

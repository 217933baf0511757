/**
 * A clock that never goes back: where the given one is set back, the time since then is added to what it said before. For everything that
 * measures how long something takes or has to wait; what is written down for people has the given clock's time.
 */
export function steady(now: () => number): () => number {
  let [last, behind] = [-Infinity, 0]
  return () => {
    const told = now() + behind
    if (told < last) behind += last - told
    last = Math.max(last, told)
    return last
  }
}

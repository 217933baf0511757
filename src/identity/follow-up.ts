/** Does work that nobody waits for: one after the other for the same user, of different users side by side. */
export interface FollowUps {
  (user: number, work: () => Promise<void>): void
  /** Resolves when nothing is under way. */
  settled(): Promise<void>
}

/** `work` must see to its own failures: whatever it throws all the same goes to `onError`. */
export const createFollowUps = (onError: (error: unknown) => void): FollowUps => {
  const last = new Map<number, Promise<void>>()
  const add = (user: number, work: () => Promise<void>): void => {
    const next = (last.get(user) ?? Promise.resolve())
      .then(work)
      .catch(onError)
      .finally(() => {
        if (last.get(user) === next) last.delete(user)
      })
    last.set(user, next)
  }
  const settled = async (): Promise<void> => {
    while (last.size > 0) await Promise.all(last.values())
  }
  return Object.assign(add, { settled })
}

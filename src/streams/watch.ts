/** A request's eye on the log: opened before it reads, so that nothing which comes while it reads is missed. */
export interface Watch extends Disposable {
  /** When the user was woken since the last wait began, by `performance.now()`; undefined when not. */
  readonly wokenAt: number | undefined
  /** Resolves when the user was woken since the last call, the time is up, or the signal aborts. */
  wait(timeoutMs: number, signal?: AbortSignal): Promise<void>
}

class Watcher implements Watch {
  readonly #forget: (watcher: Watcher) => void
  #woken = false
  wokenAt: number | undefined
  #resume: (() => void) | undefined

  constructor(forget: (watcher: Watcher) => void) {
    this.#forget = forget
  }

  wake(): void {
    this.wokenAt ??= performance.now()
    if (this.#resume) this.#resume()
    else this.#woken = true
  }

  wait(timeoutMs: number, signal?: AbortSignal): Promise<void> {
    // Of who was woken before this the time counts from then.
    if (!this.#woken) this.wokenAt = undefined
    if (this.#woken || timeoutMs <= 0 || signal?.aborted) {
      this.#woken = false
      return Promise.resolve()
    }
    return new Promise((resolve) => {
      const resume = (): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', resume)
        this.#resume = undefined
        resolve()
      }
      const timer = setTimeout(resume, timeoutMs)
      signal?.addEventListener('abort', resume, { once: true })
      this.#resume = resume
    })
  }

  [Symbol.dispose](): void {
    this.#resume?.()
    this.#forget(this)
  }
}

/** Everyone who watches, by user: a sleeping sync costs one entry here, and nothing runs until its own user is woken. */
export class Watchers {
  #count = 0
  readonly #byUser = new Map<number, Set<Watcher>>()
  #closed = false

  /** How many watch. */
  get count(): number {
    return this.#count
  }

  watch(user: number): Watch {
    const watchers = this.#byUser.get(user) ?? new Set()
    const watcher = new Watcher((gone) => {
      watchers.delete(gone)
      this.#count -= 1
      if (watchers.size === 0 && this.#byUser.get(user) === watchers) this.#byUser.delete(user)
    })
    watchers.add(watcher)
    this.#count += 1
    this.#byUser.set(user, watchers)
    if (this.#closed) watcher.wake()
    return watcher
  }

  wake(users: Iterable<number>): void {
    if (this.#byUser.size === 0) return
    // A set larger than the crowd that watches is asked instead of walked: 10,000 members cost nothing when nobody waits.
    if (users instanceof Set && users.size > this.#byUser.size) {
      for (const [user, watchers] of this.#byUser) if (users.has(user)) for (const watcher of watchers) watcher.wake()
    } else {
      for (const user of users) for (const watcher of this.#byUser.get(user) ?? []) watcher.wake()
    }
  }

  /** Wakes everyone, now and from now on: the server is stopping. */
  close(): void {
    this.#closed = true
    for (const watchers of this.#byUser.values()) for (const watcher of watchers) watcher.wake()
  }
}

import { backOff } from '../jobs/index.ts'
import type { Follower, FollowerDeps } from './deps.ts'
import { openInterest, type Interest } from './interest.ts'
import type { Service } from './services.ts'
import { readUsersWithKeys, saveProgress, type Progress } from './store.ts'
import { discardMail, nextBatch } from './transaction.ts'

/** Follows the log for one application service. */
export interface Following extends AsyncDisposable {
  /** There is something new in the log. */
  wake(): void
  /** It was heard of: what waits to be tried again is tried now. */
  retry(): void
  readonly state: FollowingState
}

/** How far an application service is. */
export interface FollowingState {
  readonly id: string
  /** Entries of the log that it was not told of, or that were not looked at for it. */
  readonly waiting: number
  /** Attempts that failed since the last that did not. */
  readonly failures: number
}

const waits = { firstMs: 1000, mostMs: 60_000 }
const timeoutMs = 60_000
/** After so many positions without anything of interest it is written down how far one has come. */
const saveEvery = 1000
/** So long nothing must follow before it is written down that all has been taken; should it be forgotten, the last transaction is sent once more. */
const saveAfterMs = 1000

const usersWithKeys = ({ database, users }: FollowerDeps, interest: Interest): (() => Promise<Set<number>>) => {
  let found: Promise<Set<number>> | undefined
  const read = async (): Promise<Set<number>> => {
    const names = await users.namesOf(await readUsersWithKeys(database.read))
    return new Set([...names].filter(([, userId]) => interest.isOwn(userId)).map(([nid]) => nid))
  }
  return () => (found ??= read())
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/**
 * Tells an application service of everything that it is interested in, in the order of the log, from where it was told last. What it is
 * sent is written down first, and sent again in the same words until it says that it has it, whatever happens to either side meanwhile.
 */
export function follow(deps: FollowerDeps, service: Service & { readonly url: string }, progress: Progress): Following {
  const interest = openInterest({ ...deps, memory: deps.database.memory }, service)
  const follower: Follower = { deps, service, interest, withKeys: usersWithKeys(deps, interest) }
  const stopped = new AbortController()
  let { position, txn, body, body_position: bodyPosition } = progress
  let saved = position
  let running: Promise<void> | undefined
  let isNews = false
  /** Whether the database does not know yet what is under way, or that nothing is any more. */
  let isOwed = false
  let failures = 0
  let resume: (() => void) | undefined
  let resting: NodeJS.Timeout | undefined

  const save = async (): Promise<void> => {
    const state = { ...progress, position, txn, body, body_position: bodyPosition }
    await deps.database.write((tx) => saveProgress(tx, state))
    saved = state.position
    isOwed = false
  }

  const pause = (): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(() => resume?.(), backOff(failures, waits, deps.chance())).unref()
      resume = () => {
        clearTimeout(timer)
        resume = undefined
        resolve()
      }
      if (stopped.signal.aborted) resume()
    })

  const tell = (problem: object): void => {
    failures += 1
    // Every power of two: the first is news, and what goes on for hours is not forgotten.
    if ((failures & (failures - 1)) === 0)
      deps.logger.warn(
        { appservice: service.id, attempts: failures, waiting: deps.log.now - position, ...problem },
        'an application service does not take what it is sent; it is tried again',
      )
  }

  /** True when it has the transaction. */
  const deliver = async (text: string): Promise<boolean> => {
    const name = encodeURIComponent(`${progress.epoch}-${txn}`)
    try {
      const { status } = await deps.ask(service, {
        method: 'PUT',
        path: `/transactions/${name}`,
        legacyPath: `/transactions/${name}`,
        body: text,
        timeoutMs,
        signal: stopped.signal,
      })
      if (status < 200 || status > 299) {
        tell({ status })
        return false
      }
    } catch (error) {
      if (!stopped.signal.aborted) tell({ err: error })
      return false
    }
    if (failures > 0)
      deps.logger.info(
        { appservice: service.id, attempts: failures },
        'an application service takes what it is sent again',
      )
    failures = 0
    return true
  }

  const rest = (): void => {
    resting ??= setTimeout(() => {
      resting = undefined
      if (isOwed && !running) save().catch(deps.onError)
    }, saveAfterMs).unref()
  }

  /** One step; false when there is nothing to do. */
  const step = async (): Promise<boolean> => {
    if (body === null) {
      isNews = false
      const batch = await nextBatch(follower, position)
      if (batch.body === undefined) {
        position = batch.upTo
        if (position < deps.log.now) return true
        if (position - saved >= saveEvery) await save()
        else if (isOwed) rest()
        return isNews
      }
      txn += 1
      body = batch.body
      bodyPosition = batch.upTo
      isOwed = true
    }
    if (isOwed) await save()
    if (await deliver(body)) {
      await discardMail(follower, body, bodyPosition)
      position = bodyPosition
      body = null
      // Written down together with what follows, if anything does.
      isOwed = true
    } else if (!stopped.signal.aborted) await pause()
    return true
  }

  const run = async (): Promise<void> => {
    await turn()
    while (!stopped.signal.aborted) {
      try {
        if (!(await step())) return
      } catch (error) {
        if (stopped.signal.aborted) return
        deps.onError(error)
        failures += 1
        await pause()
      }
      await turn()
    }
  }

  const wake = (): void => {
    isNews = true
    running ??= run()
      .catch(deps.onError)
      .finally(() => {
        running = undefined
        if (isNews && position < deps.log.now && !stopped.signal.aborted) wake()
      })
  }

  return {
    wake,
    retry: () => resume?.(),
    get state() {
      return { id: service.id, waiting: deps.log.now - position, failures }
    },
    [Symbol.asyncDispose]: async () => {
      stopped.abort()
      resume?.()
      clearTimeout(resting)
      await running
      await save()
    },
  }
}

import type { Jobs } from '../../jobs/index.ts'
import type { ProviderParts } from '../deps.ts'
import type { Linked } from '../../identity/index.ts'
import type { Directory } from './directory.ts'

/** What looking at a directory takes. */
type PollDeps = Pick<ProviderParts, 'identities' | 'users' | 'logger'>

/** What a look at the directory has changed. */
export interface Polled {
  readonly locked: number
  readonly deactivated: number
  readonly unlocked: number
  /** Why nothing was changed; undefined where all is well. */
  readonly refused?: string
}

const queue = 'ldap-poll'
/** So many may go at once, however few there are. */
const alwaysMayGo = 5
/** How long after the start the first look comes. */
const firstMs = 10_000

/**
 * Why the directory is not believed when it says that these are gone. A service that lost its rights, a base that was moved or a filter
 * with a slip in it look just like everybody leaving at once.
 */
const distrust = (
  { config }: Directory,
  there: ReadonlySet<string>,
  linked: readonly Linked[],
  gone: number,
): string | undefined => {
  if (there.size === 0) return 'the directory says that there is nobody at all'
  const share = (gone * 100) / linked.length
  return gone > alwaysMayGo && share > config.most_gone
    ? `${gone} of ${linked.length} people would be gone at once, which is more than most_gone (${config.most_gone} %)`
    : undefined
}

/**
 * Locks or deactivates whoever has no entry in the directory any more, or one that does not fit the filter, and unlocks those who are back.
 * @throws DirectoryError when the directory could not be asked; nothing is changed then
 */
export const poll = async (deps: PollDeps, directory: Directory): Promise<Polled> => {
  const { people } = deps.identities.policyFor(directory.id)
  const { when_gone: what } = directory.config
  const there = await directory.everybody()
  const linked = await deps.identities.links.everybody(people)
  const locked = await deps.identities.locks.lockedBy(people)
  const result = { locked: 0, deactivated: 0, unlocked: 0 }
  // Whoever has several entries is gone when all of them are.
  const back = new Set(linked.filter(({ subject }) => there.has(subject)).map(({ user }) => user))
  for (const user of back) {
    if (!locked.has(user) || !(await deps.identities.locks.unlock(people, user))) continue
    result.unlocked++
    deps.logger.info(
      { provider: directory.id, user: await deps.users.nameOf(user) },
      'somebody is back in the directory, and not locked any more',
    )
  }
  const missing = linked.filter(({ user }) => !back.has(user))
  const fresh = missing.filter((one) => !(one.locked && locked.has(one.user)))
  const refused = fresh.length === 0 ? undefined : distrust(directory, there, linked, fresh.length)
  if (refused !== undefined) return { ...result, refused }
  for (const { subject, user } of fresh) {
    // Once more, each alone: a list may have had a gap.
    if ((await directory.find({ subject })).refused?.code !== 'not_found') continue
    if (what === 'deactivate') {
      await deps.identities.deactivate(user, false)
      result.deactivated++
    } else if (await deps.identities.locks.lock(people, user)) result.locked++
    else continue
    deps.logger.info(
      { provider: directory.id, user: await deps.users.nameOf(user), what },
      'somebody is gone from the directory',
    )
  }
  return result
}

/** Looks at every directory from time to time; the time of the next look outlives a restart. */
export const startPolls = async (
  deps: PollDeps & Pick<ProviderParts, 'directories' | 'database' | 'now'>,
  jobs: Jobs,
): Promise<void> => {
  const polled = new Map(
    deps.directories
      .filter(({ searchable, config }) => searchable && config.when_gone !== 'keep')
      .map((one) => [one.id, one]),
  )
  const next = (id: string, runAt: number): Promise<void> =>
    deps.database.write(async (tx) => {
      await jobs.drop(tx, queue, id)
      await jobs.enqueue(tx, { queue, key: id, payload: {}, runAt })
    })
  // Not before the rest of the server is there, which has to hear of whoever goes.
  for (const [id, { config }] of polled) await next(id, deps.now() + Math.min(firstMs, config.poll_interval))
  jobs.work(queue, {
    // A directory may be large, and its server slow.
    leaseMs: 30 * 60_000,
    handle: async ({ key }) => {
      const directory = polled.get(key)
      if (!directory) return
      try {
        const { refused, ...counts } = await poll(deps, directory)
        if (refused !== undefined)
          deps.logger.warn({ provider: key, reason: refused }, 'a directory is not believed: nobody is locked')
        else if (Object.values(counts).some((count) => count > 0))
          deps.logger.info({ provider: key, ...counts }, 'accounts follow the directory')
      } catch (error) {
        deps.logger.warn({ provider: key, err: error }, 'a directory could not be asked who is there: nobody is locked')
      }
      await next(key, deps.now() + directory.config.poll_interval)
    },
  })
}

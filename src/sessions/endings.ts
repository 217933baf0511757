import { type Ended, isEnded, type ProviderSession } from './store/origins.ts'

/** Whose something is that was given out: the user, and what the provider's session was that it came of. */
export interface Belonging {
  readonly user?: number | undefined
  readonly from?: ProviderSession | undefined
}

/**
 * What has ended lately, for what is given out and not stored: tickets that travel through browsers, and visits. Each notes the mark of the
 * moment in which it was made, and stands as long as nothing has ended since that it belongs to.
 */
export interface Endings {
  /** The mark of this moment. */
  readonly mark: number
  /** Notes that everything has ended that a user had opened. */
  endUser(user: number): void
  /** Notes that what came of a provider has ended. */
  endFrom(people: string, ended: Ended): void
  /** Whether what was made at `mark` is good still. */
  stands(mark: number, whose: Belonging): boolean
  /** Calls `listener` when something ends: with what says of a belonging whether it is concerned. */
  onEnd(listener: (isConcerned: (whose: Belonging) => boolean) => void): void
}

interface Ending {
  readonly mark: number
  /** When, in ms. */
  readonly at: number
  readonly isConcerned: (whose: Belonging) => boolean
}

/** Nothing that asks here is good for longer, in ms. */
const longestMs = 60 * 60_000
/** Of these the oldest go first, and then all that was made before them is taken for ended. */
const most = 10_000

export const createEndings = ({ now }: { now: () => number }): Endings => {
  const listeners: ((isConcerned: Ending['isConcerned']) => void)[] = []
  const users = new Map<number, { mark: number; at: number }>()
  let providers: Ending[] = []
  let mark = 0
  let floor = 0

  const forget = (): void => {
    const old = now() - longestMs
    for (const [user, ending] of users) {
      if (ending.at > old && users.size <= most) break
      if (ending.at > old) floor = Math.max(floor, ending.mark)
      users.delete(user)
    }
    if (providers.length > most) floor = Math.max(floor, providers[providers.length - most]?.mark ?? 0)
    providers = providers.filter((ending) => ending.at > old && ending.mark > floor)
  }
  const tell = (isConcerned: Ending['isConcerned']): void => {
    forget()
    for (const listener of listeners) listener(isConcerned)
  }
  return {
    get mark() {
      return mark
    },
    endUser: (user) => {
      // Set anew, it is the youngest.
      users.delete(user)
      users.set(user, { mark: ++mark, at: now() })
      tell((whose) => whose.user === user)
    },
    endFrom: (people, ended) => {
      const isConcerned = ({ from }: Belonging): boolean => from?.provider === people && isEnded(ended, from)
      providers.push({ mark: ++mark, at: now(), isConcerned })
      tell(isConcerned)
    },
    stands: (made, whose) =>
      made >= floor &&
      (whose.user === undefined || (users.get(whose.user)?.mark ?? 0) <= made) &&
      (whose.from === undefined || !providers.some((ending) => ending.mark > made && ending.isConcerned(whose))),
    onEnd: (listener) => void listeners.push(listener),
  }
}

import { type Belonging, hashToken } from '../../sessions/index.ts'

/** Somebody on the account page. */
export interface Visit {
  /** Tells visits apart; nobody gets in by it. */
  readonly id: string
  readonly user: number
  /** When the person last showed who they are, in ms; 0 where that is not known. */
  readonly since: number
  readonly until: number
  /** The provider that they came by; undefined for who came by password. */
  readonly from?:
    | {
        readonly provider: string
        /** What the provider's people are linked under. */
        readonly people: string
        readonly subject: string
        readonly sid?: string | undefined
        readonly idToken?: string | undefined
        /** When sessions that come of it are to end, in ms; undefined: when somebody ends them. */
        readonly until?: number | undefined
      }
    | undefined
}

/** What a visit, or a ticket that leads to one, ends with. */
export const belongingOf = ({ user, from }: Pick<Visit, 'user' | 'from'>): Belonging => ({
  user,
  from: from && { provider: from.people, subject: from.subject, sid: from.sid },
})

/** Who is on the account page, in memory: a restart asks them to sign in again. */
export interface Visits {
  /** Lets somebody in. Returns what their browser is to keep. */
  begin(visit: Omit<Visit, 'until' | 'id'>): string
  find(secret: string | undefined): Visit | undefined
  end(secret: string): void
  /** Ends those that are concerned. */
  endAll(isConcerned: (whose: Belonging) => boolean): void
}

const lifetimeMs = 60 * 60_000
const most = 10_000

export const createVisits = (deps: { now: () => number; randomId: () => string }): Visits => {
  const visits = new Map<string, Visit>()
  return {
    begin: (visit) => {
      const secret = deps.randomId()
      for (const [hash, { until }] of visits) {
        if (until > deps.now() && visits.size < most) break
        visits.delete(hash)
      }
      const id = hashToken(secret)
      visits.set(id, { ...visit, id, until: deps.now() + lifetimeMs })
      return secret
    },
    find: (secret) => {
      const visit = secret === undefined ? undefined : visits.get(hashToken(secret))
      return visit && visit.until > deps.now() ? visit : undefined
    },
    end: (secret) => void visits.delete(hashToken(secret)),
    endAll: (isConcerned) => {
      for (const [hash, visit] of visits) if (isConcerned(belongingOf(visit))) visits.delete(hash)
    },
  }
}

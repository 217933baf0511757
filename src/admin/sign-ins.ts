/** What sign-ins by one provider have come to since the start of this process. */
export interface SignInsOf {
  accepted: number
  /** Milliseconds; undefined: nobody yet. */
  lastAccepted: number | undefined
  /** Refusals, by the check or rule that was not passed. */
  readonly refused: Map<string, Note>
  /** What verified credentials, by what it is called. */
  readonly keys: Map<string, Note>
}

interface Note {
  count: number
  last: number
}

interface Attempt {
  readonly provider: string
  readonly key?: string | undefined
  readonly refusedBy?: string | undefined
}

/** Remembers what sign-ins come to, for the console: nobody has to have metrics for it. */
export interface SignIns {
  note(attempt: Attempt): void
  readonly byProvider: ReadonlyMap<string, SignInsOf>
}

/** Of one provider; keys that are published come and go, and the oldest are forgotten. */
const most = 50

function count(notes: Map<string, Note>, name: string, now: number): void {
  const before = notes.get(name)?.count ?? 0
  // The last that was used stands last.
  notes.delete(name)
  notes.set(name, { count: before + 1, last: now })
  if (notes.size > most) notes.delete(notes.keys().next().value ?? '')
}

export function openSignIns(now: () => number): SignIns {
  const byProvider = new Map<string, SignInsOf>()
  return {
    byProvider,
    // Providers are those of the configuration.
    note: ({ provider, key, refusedBy }) => {
      const one: SignInsOf = byProvider.get(provider) ?? {
        accepted: 0,
        lastAccepted: undefined,
        refused: new Map(),
        keys: new Map(),
      }
      byProvider.set(provider, one)
      // Where the signature was wrong it was no key of theirs.
      if (key !== undefined && refusedBy !== 'signature') count(one.keys, key, now())
      if (refusedBy !== undefined) count(one.refused, refusedBy, now())
      else {
        one.accepted += 1
        one.lastAccepted = now()
      }
    },
  }
}

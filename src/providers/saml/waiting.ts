/** States of people who are at a provider, each by a short name: what SAML sends along may have 80 bytes. */
export interface Waiting {
  /** The name to send along. */
  keep(state: string): string
  /** The state that was kept under the name, once; undefined for a name of nothing. */
  take(name: string | null): string | undefined
}

const lifetimeMs = 20 * 60_000
const most = 20_000
const nameLength = 22

export const createWaiting = ({ now, randomId }: { now: () => number; randomId: () => string }): Waiting => {
  const kept = new Map<string, { state: string; until: number }>()
  return {
    keep: (state) => {
      for (const [name, { until }] of kept) {
        if (until > now() && kept.size < most) break
        kept.delete(name)
      }
      const name = randomId().slice(0, nameLength)
      kept.set(name, { state, until: now() + lifetimeMs })
      return name
    },
    take: (name) => {
      const found = name === null ? undefined : kept.get(name)
      if (name !== null) kept.delete(name)
      return found && found.until > now() ? found.state : undefined
    },
  }
}

import { clientNetwork } from '../http/address.ts'
import { createLimiter, limitExceeded, type Limiter, type Rate } from '../http/index.ts'

/** Counts refused credentials, and nothing else: whoever brings a good one is never held up by it. */
export interface Failures {
  /**
   * Throws 429 when there were too many wrong passwords from this address for this name. Counts a failure before the password is
   * looked at, so that a hundred guesses at once are a hundred; call what it returns when the password was right.
   */
  guess(ip: string, name: string): () => void
  /** Counts a refused token; throws 429 in place of the refusal when there were too many from this address. */
  badToken(ip: string): void
}

/** An address may stand for a whole house: it gets this many times what one name gets. */
const namesPerAddress = 10

const none: Failures = { guess: () => () => {}, badToken: () => {} }

const take = (limiter: Limiter, key: string): void => {
  const wait = limiter.take(key)
  if (wait > 0) throw limitExceeded(wait)
}

/** @param rate for one name from one address, and for tokens from one address; `off` counts nothing */
export const createFailures = (rate: Rate | 'off', now: () => number): Failures => {
  if (rate === 'off') return none
  const byName = createLimiter({ ...rate, now })
  const byAddress = createLimiter({ perSecond: rate.perSecond * namesPerAddress, burst: rate.burst * namesPerAddress, now })
  const tokens = createLimiter({ ...rate, now })
  return {
    guess: (ip, name) => {
      const address = clientNetwork(ip)
      const key = `${address} ${name.slice(0, 255).toLowerCase()}`
      take(byName, key)
      take(byAddress, address)
      return () => {
        byName.penalise(key, -1)
        byAddress.penalise(address, -1)
      }
    },
    badToken: (ip) => take(tokens, clientNetwork(ip)),
  }
}

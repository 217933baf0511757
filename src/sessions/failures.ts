import type { Config } from '../config/index.ts'
import { clientNetwork } from '../http/address.ts'
import { createLimiter, limitExceeded, type Limiter, type Rate } from '../http/index.ts'

/** Counts attempts that may be guesses: whoever brings a good token is never held up by it. */
export interface Failures {
  /** Counts a sign-in by something that can be guessed; throws 429 when there were too many from this address, good or bad. */
  attempt(ip: string): void
  /**
   * Throws 429 when there were too many wrong passwords from this address for this name. Counts a failure before the password is
   * looked at, so that a hundred guesses at once are a hundred; call what it returns when the password was right.
   */
  guess(ip: string, name: string): () => void
  /**
   * Counts a guess at one account from whatever address, also of one that is not there. `wait` is above 0 (ms) when there were too many;
   * call `right` when the password was right. Its owner may still be let in: from where they are known.
   */
  guessAt(account: string): { readonly wait: number; readonly right: () => void }
  /** Counts a refused token; throws 429 in place of the refusal when there were too many from this address. */
  badToken(ip: string): void
}

/** An address may stand for a whole house: it gets this many times what one name gets. */
const namesPerAddress = 10

/** How many guesses at one account may come at once, from all addresses together, for each that may from one. They come back no faster. */
const addressesPerAccount = 10

const take = (limiter: Limiter | undefined, key: string): void => {
  const wait = limiter?.take(key) ?? 0
  if (wait > 0) throw limitExceeded(wait)
}

/**
 * @param refused for one name from one address, and for tokens from one address; `off` counts none
 * @param attempts for everything that can be guessed, from one address; `off` counts none
 */
export const createFailures = (refused: Rate | 'off', attempts: Rate | 'off', now: () => number): Failures => {
  const limiterOf = (rate: Rate | 'off', times = 1): Limiter | undefined =>
    rate === 'off' ? undefined : createLimiter({ perSecond: rate.perSecond * times, burst: rate.burst * times, now })
  const byName = limiterOf(refused)
  const byAddress = limiterOf(refused, namesPerAddress)
  const byAccount =
    refused === 'off' ? undefined : createLimiter({ ...refused, burst: refused.burst * addressesPerAccount, now })
  const tokens = limiterOf(refused)
  const all = limiterOf(attempts)
  return {
    attempt: (ip) => take(all, clientNetwork(ip)),
    guess: (ip, name) => {
      const address = clientNetwork(ip)
      const key = `${address} ${name.slice(0, 255).toLowerCase()}`
      take(byName, key)
      take(byAddress, address)
      return () => {
        byName?.penalise(key, -1)
        byAddress?.penalise(address, -1)
      }
    },
    guessAt: (account) => {
      const key = account.slice(0, 255).toLowerCase()
      return { wait: byAccount?.take(key) ?? 0, right: () => byAccount?.penalise(key, -1) }
    },
    badToken: (ip) => take(tokens, clientNetwork(ip)),
  }
}

/** Counts as the settings say. */
export const failuresBy = (limits: Config['rate_limits'], now: () => number): Failures => {
  const rateOf = (kind: 'failed_login' | 'login'): Rate | 'off' => {
    const rate = limits === 'off' ? 'off' : limits[kind]
    return rate === 'off' ? 'off' : { perSecond: rate.per_second, burst: rate.burst }
  }
  return createFailures(rateOf('failed_login'), rateOf('login'), now)
}

import { own } from '../../matrix/json.ts'
import type { Claims } from './path.ts'

/** Seconds since 1970 at the end of the year 9999: what is later is no date, but another unit. */
const latest = 253_402_300_799
/** Years that tokens speak of, in seconds since 1970: 2001 to 2128. */
const [early, late] = [1e9, 5e9]
const units = [
  ['milliseconds', 1e3],
  ['microseconds', 1e6],
  ['nanoseconds', 1e9],
] as const

const shown = (value: unknown): string => {
  const text = JSON.stringify(value) ?? 'undefined'
  return text.length > 64 ? `${text.slice(0, 60)}…` : text
}

/**
 * What keeps a claim from being a NumericDate, in a sentence that names the slip; undefined for one that is absent, or good.
 * @see https://www.rfc-editor.org/rfc/rfc7519#section-2
 */
export const faultOfTime = (claims: Claims, name: string): string | undefined => {
  const value = own(claims, name)
  if (value === undefined) return undefined
  if (typeof value !== 'number' || !Number.isFinite(value))
    return `The claim "${name}" must be a number of seconds, not ${shown(value)}`
  if (Math.abs(value) <= latest) return undefined
  const unit = units.find(([, factor]) => value / factor >= early && value / factor <= late)?.[0]
  return unit === undefined
    ? `The claim "${name}" must be a number of seconds since 1970, and ${shown(value)} is no date`
    : `The claim "${name}" must be a number of seconds since 1970, and ${shown(value)} looks like ${unit}`
}

/** The same of all claims of a token that are times. */
export const faultOfTimes = (claims: Claims): string | undefined =>
  ['exp', 'nbf', 'iat', 'auth_time'].map((name) => faultOfTime(claims, name)).find((fault) => fault !== undefined)

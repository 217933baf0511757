import type { Outgoing } from '../../http/index.ts'
import { isServerName } from '../../matrix/ids.ts'
import { own, parseRemote } from '../../matrix/json.ts'

/** What a domain says of where its server is; `name` is undefined when it says nothing. */
export interface Delegation {
  readonly name: string | undefined
  /** How long that holds, in ms. */
  readonly keepMs: number
}

const largest = 50 * 1024
const hour = 60 * 60_000
const usualMs = 24 * hour
const mostMs = 48 * hour
const leastMs = 5 * 60_000
/** So long it is remembered that there is nothing. */
const nothingMs = hour

function keepFor(cacheControl: string): number {
  if (/\bno-(store|cache)\b/i.test(cacheControl)) return leastMs
  const seconds = /\bmax-age=(\d{1,9})/i.exec(cacheControl)?.[1]
  return seconds === undefined ? usualMs : Math.min(mostMs, Math.max(leastMs, Number(seconds) * 1000))
}

/**
 * Asks a domain where its server is. Whatever goes wrong means that it does not say.
 * @see https://spec.matrix.org/v1.19/server-server-api/#getwell-knownmatrixserver
 */
export async function askWellKnown(outgoing: Outgoing, host: string): Promise<Delegation> {
  try {
    const { status, body, headers } = await outgoing(`https://${host}/.well-known/matrix/server`, {
      maxBytes: largest,
      timeoutMs: 10_000,
    })
    const name = status === 200 ? own(parseRemote(body), 'm.server') : undefined
    if (isServerName(name)) return { name, keepMs: keepFor(headers['cache-control'] ?? '') }
  } catch {
    // As if there were nothing.
  }
  return { name: undefined, keepMs: nothingMs }
}

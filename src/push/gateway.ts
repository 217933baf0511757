import { OutgoingError, type Outgoing } from '../http/index.ts'
import { RetryAfter } from '../jobs/index.ts'
import { own, parseStrict, type Json, type JsonObject } from '../matrix/json.ts'
import type { PusherRow } from './store/pushers.ts'

/** Where a push gateway is to be asked, and whether the operator vouches for it. */
export interface GatewayAddress {
  readonly url: string
  /** It is one of the operator's own, and may be in a private network. */
  readonly configured: boolean
}

const path = '/_matrix/push/v1/notify'

/**
 * The address of a gateway; undefined when it is none that may be asked: it has to be https, unless the operator names it.
 * @param ours origins of the operator's own gateways
 */
export function gatewayAddress(url: Json | undefined, ours: readonly string[]): GatewayAddress | undefined {
  const parsed = typeof url === 'string' ? URL.parse(url) : null
  if (!parsed || parsed.pathname !== path || parsed.username || parsed.password || parsed.hash) return undefined
  const configured = ours.includes(parsed.origin)
  return parsed.protocol === 'https:' || configured ? { url: parsed.href, configured } : undefined
}

/** How a gateway took a push. */
export type Outcome = 'taken' | 'rejected' | 'impossible'

const timeoutMs = 15_000

/** Header values in seconds; dates are not used for it by gateways. */
const retryAfter = (value: string | undefined): number | undefined =>
  value !== undefined && /^\d{1,6}$/.test(value) ? Number(value) * 1000 : undefined

const rejects = (body: string, pushkey: string): boolean => {
  try {
    const rejected = own(parseStrict(body), 'rejected')
    return Array.isArray(rejected) && rejected.includes(pushkey)
  } catch {
    // It was taken, as the status says; whatever else it said is not understood.
    return false
  }
}

/**
 * Sends a notification. Throws when it is to be tried again.
 * @see https://spec.matrix.org/v1.19/push-gateway-api/#post_matrixpushv1notify
 */
export async function notify(
  outgoing: Outgoing,
  address: GatewayAddress,
  pusher: PusherRow,
  notification: JsonObject,
  signal: AbortSignal,
): Promise<Outcome> {
  try {
    const reply = await outgoing(address.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ notification }),
      timeoutMs,
      signal,
      configured: address.configured,
      maxBytes: 64 * 1024,
    })
    if (reply.status >= 200 && reply.status < 300)
      return rejects(reply.body.toString(), pusher.pushkey) ? 'rejected' : 'taken'
    // This very notification is not liked, and would not be the next time; what comes after it may be.
    if (reply.status === 400 || reply.status === 413) return 'impossible'
    const wait = retryAfter(reply.headers['retry-after'])
    const failure = new Error(`the push gateway ${new URL(address.url).host} answered ${reply.status}`)
    throw wait === undefined ? failure : new RetryAfter(wait, { cause: failure })
  } catch (error) {
    if (error instanceof OutgoingError && (error.code === 'bad-url' || error.code === 'forbidden-address'))
      return 'impossible'
    throw error
  }
}

import { MatrixError } from '../matrix/errors.ts'
import { clientNetwork } from './address.ts'
import { readRemoteJson } from './body.ts'
import type { Exchange } from './exchange.ts'
import type { HandlerHost } from './host.ts'
import { limitExceeded } from './limits.ts'
import { holdFor } from './outstanding.ts'
import type { Route } from './route.ts'

/** Largest body of another server's request, unless its route says otherwise. */
const usualBody = 256 * 1024
/** Largest body of a transaction: 50 events and 100 ephemeral ones fit easily. */
const largestBody = 16 * 1024 * 1024

/**
 * Finds out which server asks. Its signature covers the body, so that this is read before anything is known for sure: what is
 * refused without it comes first.
 * @throws MatrixError 401 and 403 from federation/; 429; what is wrong with the body
 */
export async function identifyServer(host: HandlerHost, route: Route, exchange: Exchange): Promise<void> {
  const servers = host.authenticateServer
  if (!servers) throw new MatrixError('M_UNRECOGNIZED', 'This server talks to no other')
  const network = clientNetwork(exchange.ip)
  const wait = host.limiters?.forged.check(network) ?? 0
  if (wait > 0) throw limitExceeded(wait)
  const { request } = exchange
  const authorization = request.headersDistinct['authorization'] ?? []
  try {
    servers.claim(authorization)
    const content =
      route.body &&
      (await readRemoteJson(request, {
        limit: Math.min(route.bodyLimit ?? usualBody, largestBody),
        hold: holdFor(host.outstanding, exchange, network),
      }))
    exchange.body = content
    exchange.origin = await servers.verify({
      method: request.method ?? 'GET',
      uri: request.url ?? '',
      authorization,
      content,
    })
  } catch (error) {
    if (error instanceof MatrixError && error.status === 401) host.limiters?.forged.penalise(network)
    throw error
  }
}

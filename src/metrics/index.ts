import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { createRegistry } from './registry.ts'

export type { SignInAttempt } from './registry.ts'

/** Numbers of the running server, and the address where they are read. */
export interface Metrics extends AsyncDisposable, Omit<ReturnType<typeof createRegistry>, 'registry'> {
  /** Where they are. */
  readonly url: string
}

/**
 * Opens a listener of its own, which answers GET /metrics and nothing else: what is read there is for the operator, and never on the address that
 * clients reach.
 * @param address host and port; port 0 for a free one
 */
export const openMetrics = async ({ host, port }: { host: string; port: number }): Promise<Metrics> => {
  // Imported here, as most servers are not asked for numbers, and up sooner without the library that keeps them.
  const { registry, ...counters } = (await import('./registry.ts')).createRegistry()
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url !== '/metrics') {
      response.writeHead(404).end()
      return
    }
    registry.metrics().then(
      (text) =>
        response.writeHead(200, { 'content-type': registry.contentType, 'cache-control': 'no-store' }).end(text),
      () => response.writeHead(500).end(),
    )
  }).listen(port, host)
  await once(server, 'listening')
  const { address, family, port: bound } = server.address() as AddressInfo
  return {
    ...counters,
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${bound}/metrics`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => {
        server.close(resolve)
      })
      registry.clear()
    },
  }
}

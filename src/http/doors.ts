import { Certificates } from './certificates.ts'
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'

/** More than this many requests are not kept waiting while nobody is there to answer. */
const mostWaiting = 5000

type Request = readonly [request: IncomingMessage, response: ServerResponse]

/**
 * Listening servers that outlive whoever answers behind them: while one goes and the next one comes, connections stay open, and requests
 * wait.
 */
export class Doors implements AsyncDisposable {
  /** What those of them show that encrypt. */
  readonly certificates = new Certificates()
  readonly #servers = new Map<string, Server>()
  readonly #underWay = new Set<ServerResponse>()
  #waiting: Request[] = []
  #answer: RequestListener | undefined
  #settled: (() => void) | undefined

  /** What servers call for each request. */
  readonly take = (request: IncomingMessage, response: ServerResponse): void => {
    if (!this.#answer) {
      if (this.#waiting.length < mostWaiting) this.#waiting.push([request, response])
      else response.writeHead(503, { 'retry-after': '1', connection: 'close' }).end()
      return
    }
    this.#underWay.add(response)
    response.once('close', () => {
      this.#underWay.delete(response)
      if (this.#underWay.size === 0) this.#settled?.()
    })
    this.#answer(request, response)
  }

  /** The server that listens there already, or the one that `open` makes. */
  async at(listen: string, open: () => Promise<Server>): Promise<Server> {
    const server = this.#servers.get(listen) ?? (await open())
    this.#servers.set(listen, server)
    return server
  }

  /** Whose turn it is to answer: at first those that have waited. */
  open(answer: RequestListener): void {
    this.#answer = answer
    for (const [request, response] of this.#waiting.splice(0)) if (!response.destroyed) this.take(request, response)
  }

  /** From now on requests wait. Resolves when those under way are answered; what takes longer than this is cut. */
  async rest(graceMs: number): Promise<void> {
    this.#answer = undefined
    if (this.#underWay.size === 0) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#settled = resolve
    const cut = setTimeout(() => {
      for (const response of this.#underWay) response.destroy()
      resolve()
    }, graceMs)
    await promise
    clearTimeout(cut)
  }

  /** Listens no more. Connections that are idle are closed at once, and all others after this long. */
  async close(graceMs: number): Promise<void> {
    const closed = [...this.#servers.values()].map((server) => {
      const { promise, resolve } = Promise.withResolvers<void>()
      const cut = setTimeout(() => server.closeAllConnections(), graceMs)
      server.close(() => {
        clearTimeout(cut)
        resolve()
      })
      return promise
    })
    this.#servers.clear()
    for (const [, response] of this.#waiting.splice(0)) response.destroy()
    await Promise.all(closed)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close(0)
  }
}

import {
  validateHeaderName,
  validateHeaderValue,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import { plainAddress } from './address.ts'
import type { Holder } from './outstanding.ts'
import type { Route, RouteHandlerContext } from './route.ts'
import type { Caller, Session } from './session.ts'

/** What all exchanges of one server share. */
export interface ExchangeHost {
  readonly randomId: () => string
  /** Exchanges whose handlers wait on their signal: aborted when the server stops. */
  readonly waiting: Set<Exchange>
}

/**
 * One request and its answer: what a handler is given. Owns the abort signal. What few handlers ask for (signal, trace,
 * address) is made when it is asked for.
 */
export class Exchange implements RouteHandlerContext, Caller {
  session: Session
  /** The server that asks. */
  origin: string | undefined = undefined
  /** What is asked for, once it is known. */
  route: Route | undefined = undefined
  params: unknown
  query: Readonly<Record<string, unknown>>
  body: unknown = undefined
  /** Bytes of the body that are counted as held, and for whom. */
  held: { readonly who: Holder; bytes: number } | undefined = undefined
  /** Headers that the handler adds to its reply, names and values in turn. */
  readonly added: string[] = []
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly #host: ExchangeHost
  readonly #address: () => string
  #abort: AbortController | undefined
  #refusal: Error | undefined
  #trace: string | undefined

  constructor(
    host: ExchangeHost,
    request: IncomingMessage,
    response: ServerResponse,
    query: Readonly<Record<string, unknown>>,
    address: () => string,
  ) {
    this.#host = host
    this.#address = address
    this.request = request
    this.response = response
    this.query = query
    // Filled before the handler runs wherever its route's type says that there is one.
    this.session = undefined as unknown as Session
  }

  get ip(): string {
    return plainAddress(this.#address())
  }

  get headers(): IncomingHttpHeaders {
    return this.request.headers
  }

  get userAgent(): string | undefined {
    return this.request.headers['user-agent']
  }

  get trace(): string {
    return (this.#trace ??= this.#host.randomId().slice(0, 16))
  }

  get setHeader(): (name: string, value: string) => void {
    return (name, value) => {
      validateHeaderName(name)
      validateHeaderValue(name, value)
      this.added.push(name, value)
    }
  }

  get signal(): AbortSignal {
    if (!this.#abort) {
      this.#abort = new AbortController()
      this.#host.waiting.add(this)
      this.response.once('close', () => {
        this.#host.waiting.delete(this)
        if (!this.response.writableFinished) this.abort()
      })
    }
    return this.#abort.signal
  }

  /** What a handler throws that does no more than pass on its aborted signal. */
  get abortReason(): unknown {
    return this.#abort?.signal.reason
  }

  /** Ends whatever the handler waits for. */
  abort(): void {
    this.#abort?.abort()
  }

  /** Why the answer is a refusal, whatever the handler says: its session has ended meanwhile. */
  get refusal(): Error | undefined {
    return this.#refusal
  }

  /** Ends whatever the handler waits for, and has this answered. */
  refuse(refusal: Error): void {
    this.#refusal = refusal
    this.abort()
  }
}

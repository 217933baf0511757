import type { IncomingHttpHeaders } from 'node:http'
import type { Static, TObject, TSchema } from 'typebox'
import type { LimitName } from './limits.ts'
import type { RawJson, Reply } from './reply.ts'
import type { Auth, SessionOf } from './session.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE' | 'PATCH'

/** What a handler gets. Everything is checked against the route's schemas before the handler is called. */
export interface RouteHandlerContext<A extends Auth = Auth, P = unknown, Q = unknown, B = unknown> {
  readonly session: SessionOf<A>
  /** The server that asks, where the route's `auth` is `server`. */
  readonly origin: A extends 'server' ? string : undefined
  /** Path parameters, percent-decoded once. */
  readonly params: P
  /** Query parameters, turned into the numbers, booleans and lists that the schema asks for. */
  readonly query: Q
  readonly body: B
  /** The client's address (see `Caller`). */
  readonly ip: string
  readonly userAgent: string | undefined
  readonly headers: IncomingHttpHeaders
  /** Aborted when the client goes away or the server stops. */
  readonly signal: AbortSignal
  /** Names this request in the log and in error replies. */
  readonly trace: string
  /** Adds a header to a JSON reply; the name in lower case. */
  readonly setHeader: (name: string, value: string) => void
}

type Answer<R> = R | RawJson | Reply | Nothing<R>
/** A handler may return nothing where `{}` is a reply. */
type Nothing<R> = Record<string, never> extends R ? void : never

/** A route as a feature writes it. */
export interface RouteDefinition<
  A extends Auth,
  P extends TObject | undefined,
  Q extends TObject | undefined,
  B extends TSchema | undefined,
  Raw extends boolean,
  R extends TSchema,
> {
  /** The specification's operationId. */
  readonly id: string
  readonly method: Method
  /** A path with `:parameters`. `/_matrix/client/v3/…` and `/_matrix/media/v3/…` are mounted under `r0` too. */
  readonly path: string
  /** Further spellings of the same endpoint: unstable names, optional trailing parts. */
  readonly paths?: readonly string[]
  readonly auth: A
  /** The bucket this route draws from, per user, or per address where nobody is signed in; `own`: the handler counts.
   * Default `default`, and `federation` for other servers. */
  readonly limit?: LimitName | 'own'
  readonly params?: P
  readonly query?: Q
  /** Absent: the body is not read. An empty body counts as `{}`. */
  readonly body?: B
  /**
   * Largest body in bytes, as far as the server takes so much at all. Default 1 MiB from whoever is signed in, 64 KiB from anybody else:
   * what strangers and whole batches send is declared where it is larger.
   */
  readonly bodyLimit?: number
  /** `body` is the bytes as they come, whatever they are. */
  readonly rawBody?: Raw
  /** Whether a suspended account may do it, or the handler looks at that by itself. Default: what only reads (GET), and nothing else. */
  readonly whileSuspended?: true
  /** The reply's shape: types the handler. Properties it doesn't name are sent all the same. */
  readonly reply: R
  readonly handle: (
    context: RouteHandlerContext<
      A,
      P extends TSchema ? Static<P> : Record<string, string>,
      Q extends TSchema ? Static<Q> : Record<string, unknown>,
      Raw extends true ? AsyncIterable<Uint8Array> : B extends TSchema ? Static<B> : undefined
    >,
  ) => Answer<Static<R>> | Promise<Answer<Static<R>>>
}

/** A route as the server mounts it: the schemas are known, their types no longer. */
export interface Route {
  readonly id: string
  readonly method: Method
  readonly path: string
  readonly paths: readonly string[]
  readonly auth: Auth
  readonly limit: LimitName | 'own'
  readonly params: TObject | undefined
  readonly query: TObject | undefined
  readonly body: TSchema | undefined
  readonly bodyLimit: number | undefined
  readonly rawBody: boolean
  readonly whileSuspended: boolean
  readonly reply: TSchema
  readonly handle: (context: RouteHandlerContext) => unknown
}

/**
 * Declares an endpoint: what it is called, who may use it, what it takes and gives, what it does.
 * @see https://spec.matrix.org/v1.19/client-server-api/#api-standards
 */
export function route<
  const A extends Auth,
  R extends TSchema,
  P extends TObject | undefined = undefined,
  Q extends TObject | undefined = undefined,
  B extends TSchema | undefined = undefined,
  Raw extends boolean = false,
>(definition: RouteDefinition<A, P, Q, B, Raw, R>): Route {
  return {
    id: definition.id,
    method: definition.method,
    path: definition.path,
    paths: definition.paths ?? [],
    auth: definition.auth,
    limit: definition.limit ?? (definition.auth === 'server' ? 'federation' : 'default'),
    params: definition.params,
    query: definition.query,
    body: definition.body,
    bodyLimit: definition.bodyLimit,
    rawBody: definition.rawBody ?? false,
    whileSuspended: definition.whileSuspended ?? definition.method === 'GET',
    reply: definition.reply,
    // The server fills the context according to the very schemas that gave these types.
    handle: definition.handle as (context: RouteHandlerContext) => unknown,
  }
}

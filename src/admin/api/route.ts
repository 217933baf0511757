import { type Static, type TObject, type TSchema, Type } from 'typebox'
import { route, type Route, type RouteDefinition, type RouteHandlerContext } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { mustBeAdmin } from '../account.ts'
import type { Audit } from '../audit.ts'

/** An endpoint for administrators alone. */
export interface AdminRouteDefinition<
  P extends TObject | undefined,
  Q extends TObject | undefined,
  B extends TSchema | undefined,
  R extends TSchema,
> extends Omit<RouteDefinition<'user', P, Q, B, false, R>, 'auth'> {
  /** Whether it stands in the audit log; default: whatever is no `GET`. */
  readonly audited?: boolean
  /** What it is done to, if that is not the first parameter of the path. */
  readonly target?: (body: B extends TSchema ? Static<B> : undefined) => string
}

/** Names of servers come before what is meant. */
const firstOf = (params: unknown): string => {
  const { serverName: _, ...rest } = params as Record<string, unknown>
  const [first] = Object.values(rest)
  return typeof first === 'string' || typeof first === 'number' ? String(first) : ''
}

/**
 * Declares an endpoint that answers administrators alone, and notes in the audit log who did what by it, on whom, and from where,
 * refusals included. @throws MatrixError M_FORBIDDEN for everybody else
 */
export function adminRoute<
  R extends TSchema,
  P extends TObject | undefined = undefined,
  Q extends TObject | undefined = undefined,
  B extends TSchema | undefined = undefined,
>({ audit }: { readonly audit: Audit }, definition: AdminRouteDefinition<P, Q, B, R>): Route {
  const { audited = definition.method !== 'GET', target, ...rest } = definition
  const made = route({ ...rest, auth: 'user' })
  const handle = async (context: RouteHandlerContext<'user'>): Promise<unknown> => {
    mustBeAdmin(context.session)
    if (!audited) return made.handle(context)
    let outcome = 'M_UNKNOWN'
    try {
      const answer = await made.handle(context)
      outcome = 'done'
      return answer
    } catch (error) {
      if (error instanceof MatrixError) outcome = error.errcode
      throw error
    } finally {
      const { session, params, query, body, ip } = context
      await audit.note({
        actor: session.userId,
        action: definition.id,
        target: target?.(body as Parameters<typeof target>[0]) ?? firstOf(params), // checked by the schema
        outcome,
        ip,
        detail: { ...(definition.query && typeof query === 'object' && query), ...(typeof body === 'object' && body) },
      })
    }
  }
  // A route's own type says who is signed in; here that is always somebody.
  return { ...made, handle }
}

export const Empty = Type.Object({})
export const UserParams = Type.Object({ userId: Type.String() })
export const Dir = Type.Optional(Type.Union([Type.Literal('f'), Type.Literal('b')]))

/** Where a page begins and how long it is. */
export const Paging = {
  from: Type.Optional(Type.Integer({ minimum: 0 })),
  limit: Type.Optional(Type.Integer({ minimum: 0 })),
}

const largestPage = 1000

export interface Page {
  readonly from: number
  readonly limit: number
}

export const pageOf = ({ from, limit }: { from?: number; limit?: number }): Page => ({
  from: from ?? 0,
  limit: Math.min(limit ?? 100, largestPage),
})

/** Where the next page begins, when there is one. */
export const nextOf = ({ from, limit }: Page, got: number, total: number): number | undefined =>
  limit > 0 && got > 0 && from + got < total ? from + got : undefined

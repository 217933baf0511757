import { MatrixError } from '../../matrix/errors.ts'

/** The part of the results that a token goes on in: all, those of a room, or those of a sender. */
export interface Group {
  readonly kind: 'room' | 'sender'
  /** Short id. */
  readonly nid: number
}

/** Where the next part of the results begins. */
/** `query`: a digest of what is searched for, without which a token would go on in the results of another search. */
export type SearchToken = { readonly group: Group | undefined; readonly query: string; readonly count: number } & (
  | { readonly order: 'recent'; readonly below: number }
  /** `top`: row ids before it have been ranked, so that what is said meanwhile moves nothing. */
  | { readonly order: 'rank'; readonly top: number; readonly offset: number }
)

const form =
  /^(?:n(?<below>\d{1,15})|k(?<top>\d{1,15})-(?<offset>\d{1,6}))(?:(?<kind>[rs])(?<nid>\d{1,15}))?~(?<count>\d{1,6})~(?<query>[\w-]{1,43})$/

export const writeToken = (token: SearchToken): string =>
  (token.order === 'recent' ? `n${token.below}` : `k${token.top}-${token.offset}`) +
  (token.group ? `${token.group.kind === 'room' ? 'r' : 's'}${token.group.nid}` : '') +
  `~${token.count}~${token.query}`

/** @throws {MatrixError} M_INVALID_PARAM for what this server did not give out for this order and this query. */
export function readToken(text: string, order: SearchToken['order'], query: string): SearchToken {
  const { below, top, offset, kind, nid, count, query: of } = form.exec(text)?.groups ?? {}
  const group =
    kind === undefined ? undefined : { kind: kind === 'r' ? ('room' as const) : ('sender' as const), nid: Number(nid) }
  const rest = { group, query, count: Number(count) }
  if (of === query && order === 'recent' && below !== undefined) return { order, below: Number(below), ...rest }
  if (of === query && order === 'rank' && top !== undefined)
    return { order, top: Number(top), offset: Number(offset), ...rest }
  throw new MatrixError('M_INVALID_PARAM', 'next_batch is not a token of this search')
}

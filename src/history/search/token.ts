import { MatrixError } from '../../matrix/errors.ts'

/** The part of the results that a token goes on in: all, those of a room, or those of a sender. */
export interface Group {
  readonly kind: 'room' | 'sender'
  /** Short id. */
  readonly nid: number
}

/** Where the next part of the results begins. */
export type SearchToken = { readonly group: Group | undefined } & (
  | { readonly order: 'recent'; readonly below: number }
  /** `top`: row ids before it have been ranked, so that what is said meanwhile moves nothing. */
  | { readonly order: 'rank'; readonly top: number; readonly offset: number }
)

const form = /^(?:n(?<below>\d{1,15})|k(?<top>\d{1,15})-(?<offset>\d{1,6}))(?:(?<kind>[rs])(?<nid>\d{1,15}))?$/

export const writeToken = (token: SearchToken): string =>
  (token.order === 'recent' ? `n${token.below}` : `k${token.top}-${token.offset}`) +
  (token.group ? `${token.group.kind === 'room' ? 'r' : 's'}${token.group.nid}` : '')

/** @throws {MatrixError} M_INVALID_PARAM for what this server did not give out for this order. */
export function readToken(text: string, order: SearchToken['order']): SearchToken {
  const { below, top, offset, kind, nid } = form.exec(text)?.groups ?? {}
  const group =
    kind === undefined ? undefined : { kind: kind === 'r' ? ('room' as const) : ('sender' as const), nid: Number(nid) }
  if (order === 'recent' && below !== undefined) return { order, below: Number(below), group }
  if (order === 'rank' && top !== undefined) return { order, top: Number(top), offset: Number(offset), group }
  throw new MatrixError('M_INVALID_PARAM', 'next_batch is not a token of this search')
}

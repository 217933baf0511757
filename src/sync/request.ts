import { MatrixError } from '../matrix/errors.ts'
import { everything, parseFilter, type Filter } from '../matrix/filter.ts'
import { parseStrict } from '../matrix/json.ts'
import type { Session } from '../http/index.ts'
import { synapsePosition } from '../streams/index.ts'
import type { SyncDeps } from './deps.ts'

/** What one /sync asks for. */
export interface SyncRequest {
  readonly session: Session
  /** Undefined: an initial sync. */
  readonly since: number | undefined
  readonly filter: Filter
  readonly fullState: boolean
  readonly useStateAfter: boolean
  /** Milliseconds. */
  readonly timeout: number
}

export interface SyncQuery {
  readonly filter?: string | undefined
  readonly since?: string | undefined
  readonly full_state?: boolean | undefined
  readonly timeout?: number | undefined
  readonly use_state_after?: boolean | undefined
}

/** Proxies and clients give up on connections that are silent for long. */
const longestTimeout = 120_000

/** @throws {MatrixError} M_INVALID_PARAM for a token that this server did not give out; M_BAD_JSON, M_NOT_FOUND for the filter. */
export async function readRequest(deps: SyncDeps, session: Session, query: SyncQuery): Promise<SyncRequest> {
  return {
    session,
    since: query.since === undefined || query.since === '' ? undefined : readToken(deps, query.since, 'since'),
    filter: await readFilter(deps, session, query.filter),
    fullState: query.full_state ?? false,
    useStateAfter: query.use_state_after ?? false,
    timeout: Math.min(Math.max(query.timeout ?? 0, 0), longestTimeout),
  }
}

/**
 * The position that a token stands for; one of a Synapse, where its events are here.
 * @throws {MatrixError} M_INVALID_PARAM for one that this server did not give out
 */
export function readToken(deps: Pick<SyncDeps, 'log'>, text: string, name: string): number {
  const foreign = synapsePosition(text)
  if (foreign !== undefined && foreign <= deps.log.imported) return foreign
  const position = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (!Number.isSafeInteger(position) || position > deps.log.now) {
    throw new MatrixError('M_INVALID_PARAM', `${name} is not a token of this server: sync without it to begin anew`)
  }
  return position
}

async function readFilter(deps: SyncDeps, session: Session, text: string | undefined): Promise<Filter> {
  if (text === undefined || text === '') return everything
  if (!text.startsWith('{')) return deps.filter(session.user, text)
  try {
    return parseFilter(parseStrict(text))
  } catch (error) {
    if (error instanceof MatrixError && error.errcode === 'M_NOT_JSON')
      throw new MatrixError('M_INVALID_PARAM', `filter: ${error.message}`, { cause: error })
    throw error
  }
}

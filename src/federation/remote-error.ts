import { MatrixError, type ErrCode } from '../matrix/errors.ts'

/** Why another server did not do what it was asked. */
export class RemoteError extends Error {
  override readonly name = 'RemoteError'
  readonly server: string
  /** Of its answer; undefined when there was none. */
  readonly status: number | undefined
  /** What it said, as far as it is text. */
  readonly errcode: string | undefined
  readonly sentence: string | undefined

  constructor(
    server: string,
    message: string,
    answer: { status?: number; errcode?: string | undefined; error?: string | undefined; cause?: unknown } = {},
  ) {
    super(message, 'cause' in answer ? { cause: answer.cause } : undefined)
    this.server = server
    this.status = answer.status
    this.errcode = answer.errcode
    this.sentence = answer.error
  }
}

/**
 * What a client is told when another server refuses, by the code of the refusal. What is not here says nothing about what the client did,
 * and some of it would do harm: 401 M_UNKNOWN_TOKEN ends a client's session.
 */
const told: ReadonlySet<string> = new Set<ErrCode>([
  'M_FORBIDDEN',
  'M_NOT_FOUND',
  'M_INCOMPATIBLE_ROOM_VERSION',
  'M_UNSUPPORTED_ROOM_VERSION',
  'M_UNABLE_TO_AUTHORISE_JOIN',
  'M_UNABLE_TO_GRANT_JOIN',
  'M_INVITE_BLOCKED',
  'M_TOO_LARGE',
  'M_LIMIT_EXCEEDED',
])

/** So much of what another server says is handed on. */
const longestSentence = 300

/**
 * The answer to a client whose wish another server did not fulfil. Errors of remotes are never handed on as they are.
 */
export function asClientError(error: unknown): unknown {
  if (!(error instanceof RemoteError)) return error
  const code = told.has(error.errcode ?? '') ? (error.errcode as ErrCode) : undefined // the set holds nothing else
  const sentence = error.sentence?.slice(0, longestSentence).toWellFormed()
  if (code && error.status !== undefined && error.status >= 400 && error.status < 500)
    return new MatrixError(code, `${error.server}: ${sentence ?? 'refused'}`, { cause: error })
  const what = error.status === undefined ? 'could not be reached' : `did not do what it was asked (${error.status})`
  return new MatrixError('M_UNKNOWN', `${error.server} ${what}`, { status: 502, cause: error })
}

/**
 * Every error code of the specification with the status it has unless the caller says otherwise.
 * Where the specification gives several (M_UNKNOWN, M_UNRECOGNIZED …) the commonest stands here.
 */
const defaultStatus = {
  M_BAD_JSON: 400,
  M_FORBIDDEN: 403,
  M_LIMIT_EXCEEDED: 429,
  M_MISSING_TOKEN: 401,
  M_NOT_FOUND: 404,
  M_NOT_JSON: 400,
  M_RESOURCE_LIMIT_EXCEEDED: 403,
  M_UNKNOWN: 500,
  M_UNKNOWN_DEVICE: 400,
  M_UNKNOWN_TOKEN: 401,
  M_UNRECOGNIZED: 404,
  M_USER_LIMIT_EXCEEDED: 403,
  M_USER_LOCKED: 401,
  M_USER_SUSPENDED: 403,

  M_APPSERVICE_LOGIN_UNSUPPORTED: 400,
  M_BAD_ALIAS: 400,
  M_BAD_STATE: 403,
  M_CANNOT_LEAVE_SERVER_NOTICE_ROOM: 403,
  M_CANNOT_OVERWRITE_MEDIA: 409,
  M_CAPTCHA_INVALID: 401,
  M_CAPTCHA_NEEDED: 401,
  M_DUPLICATE_ANNOTATION: 400,
  M_EXCLUSIVE: 400,
  M_GUEST_ACCESS_FORBIDDEN: 403,
  M_INCOMPATIBLE_ROOM_VERSION: 400,
  M_INVALID_PARAM: 400,
  M_INVALID_ROOM_STATE: 400,
  M_INVALID_SIGNATURE: 400,
  M_INVALID_USERNAME: 400,
  M_INVITE_BLOCKED: 403,
  M_KEY_TOO_LARGE: 400,
  M_MISSING_PARAM: 400,
  M_NOT_YET_UPLOADED: 504,
  M_PROFILE_TOO_LARGE: 400,
  M_ROOM_IN_USE: 400,
  M_TOO_LARGE: 413,
  M_UNABLE_TO_AUTHORISE_JOIN: 400,
  M_UNABLE_TO_GRANT_JOIN: 400,
  M_UNAUTHORIZED: 403,
  M_UNKNOWN_POS: 400,
  M_UNSUPPORTED_ROOM_VERSION: 400,
  M_USER_DEACTIVATED: 403,
  M_USER_IN_USE: 400,
  M_WEAK_PASSWORD: 400,
  M_WRONG_ROOM_KEYS_VERSION: 403,

  M_BAD_STATUS: 502,
  M_CONNECTION_FAILED: 502,
  M_CONNECTION_TIMEOUT: 504,
  M_URL_NOT_SET: 400,

  M_DESTINATION_REJECTED: 400,
  M_EMAIL_SEND_ERROR: 400,
  M_INVALID_ADDRESS: 400,
  M_INVALID_EMAIL: 400,
  M_INVALID_PEPPER: 400,
  M_NO_VALID_SESSION: 404,
  M_SEND_ERROR: 400,
  M_SERVER_NOT_TRUSTED: 400,
  M_SESSION_EXPIRED: 400,
  M_SESSION_NOT_VALIDATED: 400,
  M_TERMS_NOT_SIGNED: 403,
  M_THREEPID_AUTH_FAILED: 400,
  M_THREEPID_DENIED: 403,
  M_THREEPID_IN_USE: 400,
  M_THREEPID_MEDIUM_NOT_SUPPORTED: 400,
  M_THREEPID_NOT_FOUND: 400,
  M_TOKEN_INCORRECT: 400,
} as const

/** An error code of the specification. */
export type ErrCode = keyof typeof defaultStatus

/** What a refusal may carry besides its code and message. */
export interface MatrixErrorOptions {
  /** HTTP status, where it differs from the code's default. */
  status?: number
  /** Further keys of the body, such as `soft_logout` or `room_version`. */
  extra?: Record<string, unknown>
  /** Milliseconds until another try makes sense; also becomes the `Retry-After` header. */
  retryAfterMs?: number
  /** For the log only; never shown to a client. */
  cause?: unknown
}

/**
 * A refusal that a client or another server is meant to see. Anything else thrown is an internal error.
 * @see https://spec.matrix.org/v1.19/client-server-api/#standard-error-response
 */
export class MatrixError extends Error {
  override readonly name = 'MatrixError'
  readonly errcode: ErrCode
  /** HTTP status of the answer. */
  readonly status: number
  readonly extra: Readonly<Record<string, unknown>>
  readonly retryAfterMs: number | undefined

  constructor(errcode: ErrCode, message: string, options: MatrixErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.errcode = errcode
    this.status = options.status ?? defaultStatus[errcode]
    this.extra = options.extra ?? {}
    this.retryAfterMs = options.retryAfterMs
  }

  /** The same refusal, with further keys of the body. */
  with(extra: Readonly<Record<string, unknown>>): MatrixError {
    const { errcode, message, status, retryAfterMs } = this
    return new MatrixError(errcode, message, {
      status,
      extra: { ...this.extra, ...extra },
      ...(retryAfterMs !== undefined && { retryAfterMs }),
      cause: this,
    })
  }

  /** The JSON body of the answer; `extra` can add keys but never replace the code or the message. */
  body(): { errcode: ErrCode; error: string; [key: string]: unknown } {
    const retry = this.retryAfterMs === undefined ? {} : { retry_after_ms: Math.ceil(this.retryAfterMs) }
    return { ...this.extra, ...retry, errcode: this.errcode, error: this.message }
  }
}

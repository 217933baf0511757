/** The codes of refusals that clients of OAuth 2.0 know, with their usual status. */
const statuses = {
  invalid_request: 400,
  invalid_client: 401,
  invalid_grant: 400,
  unauthorized_client: 400,
  unsupported_grant_type: 400,
  unsupported_response_type: 400,
  invalid_scope: 400,
  invalid_target: 400,
  invalid_redirect_uri: 400,
  invalid_client_metadata: 400,
  invalid_token: 401,
  insufficient_scope: 403,
  access_denied: 400,
  login_required: 400,
  consent_required: 400,
  interaction_required: 400,
  authorization_pending: 400,
  slow_down: 400,
  expired_token: 400,
  temporarily_unavailable: 503,
  server_error: 500,
} as const

export type OAuthErrorCode = keyof typeof statuses

/**
 * A refusal that a client of OAuth 2.0 is meant to see. The sentence is for its developer.
 * @see https://datatracker.ietf.org/doc/html/rfc6749#section-5.2
 */
export class OAuthError extends Error {
  override readonly name = 'OAuthError'
  readonly code: OAuthErrorCode
  readonly status: number
  /** Further keys of the answer. */
  readonly extra: Readonly<Record<string, unknown>>

  constructor(
    code: OAuthErrorCode,
    message: string,
    options: { status?: number; extra?: Record<string, unknown>; cause?: unknown } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.code = code
    this.status = options.status ?? statuses[code]
    this.extra = options.extra ?? {}
  }

  body(): Record<string, unknown> {
    return { ...this.extra, error: this.code, error_description: this.message }
  }
}

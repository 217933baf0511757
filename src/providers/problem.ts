/** What can go wrong on the way through a browser: each has words for people in every language of the pages. */
export type ProblemCode =
  | 'bad_mail'
  | 'bad_picture'
  | 'bad_request'
  | 'bad_target'
  | 'cancelled'
  | 'deactivated'
  | 'device_taken'
  | 'identity_taken'
  | 'link_needed'
  | 'locked'
  | 'lost'
  | 'mail_taken'
  | 'name_taken'
  | 'no_account'
  | 'not_allowed'
  | 'not_fresh'
  | 'not_found'
  | 'nothing_waits'
  | 'other_person'
  | 'provider_failed'
  | 'provider_unreachable'
  | 'rule_broken'
  | 'too_many'
  | 'unexpected'
  | 'unknown_app'
  | 'wrong_password'

const statuses: Readonly<Record<ProblemCode, number>> = {
  bad_mail: 400,
  bad_picture: 400,
  bad_request: 400,
  bad_target: 400,
  cancelled: 403,
  deactivated: 403,
  device_taken: 403,
  identity_taken: 403,
  link_needed: 403,
  locked: 403,
  lost: 400,
  mail_taken: 403,
  name_taken: 403,
  no_account: 403,
  not_allowed: 403,
  not_fresh: 403,
  not_found: 404,
  nothing_waits: 404,
  other_person: 403,
  provider_failed: 502,
  provider_unreachable: 502,
  rule_broken: 403,
  too_many: 429,
  unexpected: 500,
  unknown_app: 400,
  wrong_password: 403,
}

/** Ends a request of a browser with a page that says so. The message is for the log. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly code: ProblemCode
  readonly status: number
  /** Where to sign out at the provider, so as to come back as somebody else. */
  readonly leave: { readonly provider: string; readonly href: string } | undefined
  /** Where to begin again what could not be done; undefined: not known. */
  readonly again: string | undefined

  constructor(
    code: ProblemCode,
    message: string,
    options?: { cause: unknown; leave?: Problem['leave']; again?: Problem['again'] },
  ) {
    super(message, options)
    this.code = code
    this.leave = options?.leave
    this.again = options?.again
    this.status = statuses[code]
  }
}

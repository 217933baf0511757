import { MatrixError } from '../../matrix/errors.ts'

/** The stages that would confirm a request, in ways to choose among. */
export interface Challenge {
  flows: { stages: readonly string[] }[]
  params: Record<string, Record<string, unknown>>
  session: string
  completed: readonly string[]
}

/**
 * The answer to a request that has to be confirmed first. Without a reason it is no error at all, and carries no code.
 * @see https://spec.matrix.org/v1.19/client-server-api/#user-interactive-authentication-api
 */
export class ConfirmationRequired extends MatrixError {
  readonly #silent: boolean

  constructor(challenge: Challenge, reason?: MatrixError) {
    super(reason?.errcode ?? 'M_UNAUTHORIZED', reason?.message ?? 'This has to be confirmed', {
      status: 401,
      extra: { ...reason?.extra, ...challenge },
    })
    this.#silent = !reason
  }

  override body(): ReturnType<MatrixError['body']> {
    const { errcode, error, ...challenge } = super.body()
    // The specification's first answer has neither, and clients take them for a failure.
    return this.#silent ? (challenge as ReturnType<MatrixError['body']>) : { errcode, error, ...challenge }
  }
}

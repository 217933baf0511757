import { MatrixError } from '../matrix/errors.ts'

/** PostgreSQL stops, starts, or has no connection left. @see https://www.postgresql.org/docs/current/errcodes-appendix.html */
const states = /^(08...|57P0[1-3]|53300)$/
const network = new Set(
  'ECONNREFUSED ECONNRESET EPIPE ENOTFOUND EAI_AGAIN ETIMEDOUT EHOSTUNREACH ENETUNREACH ENOENT'.split(' '),
)
const messages =
  /^(Connection terminated|Client has encountered a connection error|Client was closed|timeout exceeded|database ".*" is not currently accepting connections)/

/** Whether a statement failed because the database was not there, and not because of what it says. */
export function isAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code } = error as { code?: unknown }
  return (typeof code === 'string' && (states.test(code) || network.has(code))) || messages.test(error.message)
}

/** What a client is told meanwhile: to come again. */
export const databaseAway = (cause: unknown): MatrixError =>
  new MatrixError('M_UNKNOWN', 'The database does not answer at the moment, try again in a while', {
    status: 503,
    retryAfterMs: 5000,
    cause,
  })

/** Whether a statement failed because of a NUL character in a text, which PostgreSQL keeps in none. */
export const isNul = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === '22021' || error.code === '22P05')

export const nulRefused = (cause: unknown): MatrixError =>
  new MatrixError('M_INVALID_PARAM', 'There is a NUL character where none can be kept', { cause })

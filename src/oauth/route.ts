import type { IncomingHttpHeaders } from 'node:http'
import { Type } from 'typebox'
import { formLimit, type LimitName, readForm, Reply, route, type Route } from '../http/index.ts'
import { MatrixError } from '../matrix/errors.ts'
import { parseStrict } from '../matrix/json.ts'
import type { OAuthContext } from './deps.ts'
import { OAuthError } from './error.ts'

/** A request that a program makes of an endpoint of OAuth 2.0. */
export interface OAuthRequest {
  /** Where the endpoint takes a form; empty otherwise. */
  readonly form: Form
  /** Where it takes JSON; undefined otherwise. */
  readonly json: unknown
  readonly headers: IncomingHttpHeaders
  readonly ip: string
  readonly userAgent: string | undefined
  readonly trace: string
}

/** The parameters of a request: each may be there once. */
export interface Form {
  /** Undefined for what is not there, or empty. */
  get(name: string): string | undefined
  /** @throws OAuthError invalid_request */
  required(name: string): string
}

/** @throws OAuthError invalid_request for a parameter that is there twice. @see https://datatracker.ietf.org/doc/html/rfc6749#section-3.1 */
export const formOf = (parameters: URLSearchParams): Form => {
  const seen = new Set<string>()
  for (const name of parameters.keys()) {
    if (seen.has(name)) throw new OAuthError('invalid_request', `The parameter "${name.slice(0, 50)}" is there twice`)
    seen.add(name)
  }
  const get = (name: string): string | undefined => parameters.get(name) || undefined
  return {
    get,
    required: (name) => {
      const value = get(name)
      if (value === undefined) throw new OAuthError('invalid_request', `"${name}" is missing`)
      return value
    },
  }
}

const bodyLimit = 64 * 1024

/** What a client is told of whatever went wrong. What is not meant for it goes on to http/. */
const refusalOf = (error: unknown): OAuthError => {
  if (error instanceof OAuthError) return error
  if (!(error instanceof MatrixError) || error.status >= 500) throw error
  switch (error.errcode) {
    case 'M_LIMIT_EXCEEDED':
      throw error
    case 'M_USER_LOCKED':
      // Who reads both kinds of answers learns that the session is still there: it goes on when the account is unlocked.
      return new OAuthError('invalid_grant', error.message, {
        status: error.status,
        extra: { errcode: error.errcode, soft_logout: true },
        cause: error,
      })
    case 'M_TOO_LARGE':
    case 'M_NOT_JSON':
    case 'M_BAD_JSON':
    case 'M_INVALID_PARAM':
      return new OAuthError('invalid_request', error.message, { cause: error })
    default: {
      // What a refused token is refused for, by a code that stays, and the line of the log.
      const { code, trace } = error.extra
      const extra = { ...(code !== undefined && { code }), ...(trace !== undefined && { trace }) }
      return new OAuthError('invalid_grant', error.message, { cause: error, extra })
    }
  }
}

const answer = (status: number, body: object | undefined, headers: Record<string, string> = {}): Reply =>
  new Reply({
    status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store', pragma: 'no-cache', ...headers },
    body: JSON.stringify(body ?? {}),
  })

const readBody = async (
  takes: 'form' | 'json',
  body: AsyncIterable<Uint8Array>,
): Promise<Pick<OAuthRequest, 'form' | 'json'>> => {
  if (takes === 'form') return { form: formOf(await readForm(body)), json: undefined }
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  return { form: formOf(new URLSearchParams()), json: parseStrict(Buffer.concat(chunks)) }
}

/** An endpoint that programs ask, whose refusals are those of OAuth 2.0. */
export const oauthRoute = (
  context: Pick<OAuthContext, 'logger'>,
  definition: {
    id: string
    path: string
    takes: 'form' | 'json'
    limit: LimitName
    /** The body of the answer. */
    handle: (request: OAuthRequest) => Promise<object | undefined>
    status?: number
  },
): Route => {
  const { id, path, takes, limit, handle, status = 200 } = definition
  return route({
    id,
    method: 'POST',
    path,
    auth: 'none',
    limit,
    rawBody: true,
    bodyLimit: Math.min(formLimit, bodyLimit),
    reply: Type.Object({}),
    handle: async ({ body, headers, ip, userAgent, trace }) => {
      try {
        return answer(status, await handle({ ...(await readBody(takes, body)), headers, ip, userAgent, trace }))
      } catch (error) {
        const refusal = refusalOf(error)
        context.logger.info(
          { trace, endpoint: id, code: refusal.code, reason: refusal.message },
          'a request of OAuth 2.0 was refused',
        )
        // A client that has tried to prove itself is told how it can. @see https://datatracker.ietf.org/doc/html/rfc6749#section-5.2
        const asks = refusal.code === 'invalid_client' && headers.authorization !== undefined
        return answer(refusal.status, refusal.body(), asks ? { 'www-authenticate': 'Basic realm="oauth"' } : {})
      }
    },
  })
}

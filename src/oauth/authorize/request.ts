import type { Client } from '../clients.ts'
import { OAuthError, type OAuthErrorCode } from '../error.ts'
import { isChallenge } from '../pkce.ts'
import { parseScope } from '../scope.ts'

/** How the answer goes back: in the query or in the fragment of the redirect URI. */
export type ResponseMode = 'query' | 'fragment'

/** Where the answer to an authorization request goes. */
export interface ReturnTo {
  readonly redirectUri: string
  readonly mode: ResponseMode
  readonly state: string | undefined
}

/** What a client wants, once it is known to be well-formed. It travels through the browser sealed. */
export interface AuthorizationRequest extends ReturnTo {
  readonly clientId: string
  readonly scope: string
  readonly challenge: string
  readonly nonce: string | undefined
  /** The user has to have shown since then who they are, in ms; 0: whenever. */
  readonly since: number
  /** The browser that it was begun in, by the hash of its cookie. */
  readonly browser: string
}

/** What the client wishes of the pages. */
export interface Wishes {
  /** No page is to be shown. */
  readonly silent: boolean
  /** The user wants to make an account. */
  readonly create: boolean
  /** The name to sign in with. */
  readonly hint: string | undefined
}

const longest = 2_048
const prompts = ['none', 'login', 'create', 'consent', 'select_account']

/** The one value of a parameter; undefined where it is not there, or empty. */
const once = (query: URLSearchParams, name: string): string | undefined => {
  const values = query.getAll(name)
  if (values.length > 1) throw new OAuthError('invalid_request', `The parameter "${name}" is there twice`)
  const [value] = values
  if (value === undefined || value === '') return undefined
  if (value.length > longest) throw new OAuthError('invalid_request', `"${name}" is too long`)
  return value
}

/**
 * Who asks, and where the answer is to go: what has to be right before anybody is sent there. `mode` and `state` are taken as they are:
 * they only say how to refuse.
 */
export const readReturn = (query: URLSearchParams): ReturnTo & { clientId: string | undefined } => {
  const single = (name: string): string | undefined => {
    const values = query.getAll(name)
    return values.length === 1 && values[0] !== undefined && values[0].length <= longest
      ? values[0] || undefined
      : undefined
  }
  return {
    clientId: single('client_id'),
    redirectUri: single('redirect_uri') ?? '',
    mode: single('response_mode') === 'fragment' ? 'fragment' : 'query',
    state: single('state'),
  }
}

const readSince = (query: URLSearchParams, prompt: readonly string[], now: number): number => {
  const text = once(query, 'max_age')
  if (text !== undefined && !/^\d{1,9}$/.test(text))
    throw new OAuthError('invalid_request', '"max_age" must be a number of seconds')
  const since = text === undefined ? 0 : now - Number(text) * 1000
  return prompt.includes('login') || text === '0' ? now : Math.max(0, since)
}

/** The user that `login_hint` means, as one signs in. @see https://github.com/matrix-org/matrix-spec-proposals/pull/4198 */
const hintOf = (text: string | undefined): string | undefined =>
  text === undefined ? undefined : text.replace(/^mxid:/, '').slice(0, 255)

/**
 * Reads what a client asks for, once it is known who asks and where to answer.
 * @throws OAuthError which the client is told of
 * @see https://spec.matrix.org/v1.19/client-server-api/#authorisation-code-flow
 */
export const readRequest = (
  query: URLSearchParams,
  client: Client,
  { now, browser }: { now: number; browser: string },
): { request: AuthorizationRequest; wishes: Wishes } => {
  for (const name of ['request', 'request_uri'])
    if (query.has(name)) throw new OAuthError('invalid_request', `"${name}" is not supported`)
  const type = once(query, 'response_type')
  if (type === undefined) throw new OAuthError('invalid_request', '"response_type" is missing')
  if (type !== 'code') throw new OAuthError('unsupported_response_type', '"response_type" must be "code"')
  if (!client.mayUse('authorization_code'))
    throw new OAuthError('unauthorized_client', 'The client has not registered for the authorization code grant')
  const mode = once(query, 'response_mode') ?? 'query'
  if (mode !== 'query' && mode !== 'fragment')
    throw new OAuthError('invalid_request', '"response_mode" must be "query" or "fragment"')
  const challenge = once(query, 'code_challenge')
  if (challenge === undefined) throw new OAuthError('invalid_request', '"code_challenge" is missing: PKCE is needed')
  if (once(query, 'code_challenge_method') !== 'S256')
    throw new OAuthError('invalid_request', '"code_challenge_method" must be "S256"')
  if (!isChallenge(challenge))
    throw new OAuthError('invalid_request', '"code_challenge" is not the SHA-256 of anything, in base64url')
  const prompt = (once(query, 'prompt') ?? '').split(' ').filter((one) => one !== '')
  if (!prompt.every((one) => prompts.includes(one)))
    throw new OAuthError('invalid_request', `"prompt" must be of: ${prompts.join(', ')}`)
  if (prompt.includes('none') && prompt.length > 1)
    throw new OAuthError('invalid_request', '"prompt" says none and something else')
  return {
    request: {
      clientId: client.id,
      redirectUri: once(query, 'redirect_uri') ?? '',
      mode,
      state: once(query, 'state'),
      scope: parseScope(once(query, 'scope')).text,
      challenge,
      nonce: once(query, 'nonce'),
      since: readSince(query, prompt, now),
      browser,
    },
    wishes: {
      silent: prompt.includes('none'),
      create: prompt.includes('create'),
      hint: hintOf(once(query, 'login_hint')),
    },
  }
}

/**
 * The address that brings the answer to the client. It says who answers, so that a client of several servers is not led to tell one of
 * them what another gave. @see https://datatracker.ietf.org/doc/html/rfc9207
 */
export const answerTo = (
  { redirectUri, mode, state }: ReturnTo,
  issuer: string,
  answer: { code: string } | { error: OAuthErrorCode; error_description: string },
): string => {
  const parameters = new URLSearchParams({ ...answer, ...(state !== undefined && { state }), iss: issuer }).toString()
  const mark = mode === 'fragment' ? '#' : redirectUri.includes('?') ? '&' : '?'
  return `${redirectUri}${mark}${parameters}`
}

/** What a form may end at, as a content security policy says it. */
export const formTarget = (redirectUri: string): string => {
  const { protocol, origin, hostname } = new URL(redirectUri)
  // An address in brackets cannot stand in a policy.
  return /^https?:$/.test(protocol) && !hostname.startsWith('[') ? origin : protocol
}

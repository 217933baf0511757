import { isObject, own } from '../../matrix/json.ts'
import { OAuthError } from '../error.ts'
import { type ApplicationType, checkRedirect } from './redirects.ts'

/** What a client says of itself, as far as it is kept. The names are those of the registry. */
export interface ClientMetadata {
  readonly client_name?: string
  readonly client_uri: string
  readonly logo_uri?: string
  readonly tos_uri?: string
  readonly policy_uri?: string
  readonly redirect_uris: readonly string[]
  readonly token_endpoint_auth_method: 'none'
  readonly response_types: readonly string[]
  readonly grant_types: readonly string[]
  readonly application_type: ApplicationType
  readonly id_token_signed_response_alg?: 'RS256' | 'ES256'
}

/** Where clients may be that register themselves. */
export interface RegistrationRules {
  /** The grants that there are. */
  readonly grants: readonly string[]
  /** Whether clients on this very machine may be without https: only where the server is a try-out itself. */
  readonly tryOut: boolean
}

const [longestName, longestUri, mostRedirects] = [256, 2_048, 20]

const refuse = (
  sentence: string,
  code: 'invalid_client_metadata' | 'invalid_redirect_uri' = 'invalid_client_metadata',
) => {
  throw new OAuthError(code, sentence)
}

const textIn = (body: object, key: string): string | undefined => {
  const value = own(body, key)
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'string') return refuse(`"${key}" must be a string`)
  if (value.length > longestUri) return refuse(`"${key}" is too long`)
  return value
}

const listIn = (body: object, key: string): readonly string[] | undefined => {
  const value = own(body, key)
  if (value === undefined || value === null) return undefined
  if (!Array.isArray(value) || !value.every((entry): entry is string => typeof entry === 'string'))
    return refuse(`"${key}" must be a list of strings`)
  return value.slice(0, 100)
}

/** What would have one name look like another on the page that asks for consent. */
const unseen = /[\p{C}\p{Zl}\p{Zp}]/gu

const nameIn = (body: object): string | undefined => {
  const name = textIn(body, 'client_name')?.replaceAll(unseen, '').trim()
  return name === '' ? undefined : name?.slice(0, longestName).toWellFormed()
}

const isLoopback = (host: string): boolean => ['localhost', '127.0.0.1', '[::1]'].includes(host)

/** The page that tells of the client: all other addresses are on its host, or below. */
const homeIn = (body: object, { tryOut }: RegistrationRules): URL => {
  const text = textIn(body, 'client_uri')
  if (text === undefined) return refuse('"client_uri" is missing')
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || url.username !== '' || url.password !== '') return refuse('"client_uri" is not an address')
  if (tryOut && isLoopback(url.hostname)) return url
  if (url.protocol !== 'https:') return refuse('"client_uri" must be an https address')
  if (!url.hostname.includes('.') || /^[\d.]+$|:/.test(url.hostname))
    return refuse('"client_uri" must have a domain name of its own')
  return url
}

const pageIn = (body: object, key: string, home: URL): string | undefined => {
  const text = textIn(body, key)
  if (text === undefined) return undefined
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || url.protocol !== home.protocol || url.username !== '' || url.password !== '')
    return refuse(`"${key}" must be an ${home.protocol.slice(0, -1)} address`)
  if (url.hostname !== home.hostname && !url.hostname.endsWith(`.${home.hostname}`))
    return refuse(`"${key}" must be on the host of "client_uri", or on one below it`)
  return text
}

/**
 * Reads what a client registers. What is not known here is left out, so that the answer says what was understood.
 * @throws OAuthError invalid_client_metadata, invalid_redirect_uri
 * @see https://spec.matrix.org/v1.19/client-server-api/#client-metadata
 */
export const readMetadata = (body: unknown, rules: RegistrationRules): ClientMetadata => {
  if (!isObject(body)) return refuse('The body must be a JSON object')
  const type = textIn(body, 'application_type') ?? 'web'
  if (type !== 'web' && type !== 'native') return refuse('"application_type" must be "web" or "native"')
  const home = homeIn(body, rules)
  const grants = (listIn(body, 'grant_types') ?? ['authorization_code']).filter((grant) => rules.grants.includes(grant))
  const responses = (listIn(body, 'response_types') ?? ['code']).filter((response) => response === 'code')
  const redirects = [...new Set(listIn(body, 'redirect_uris') ?? [])]
  if (redirects.length > mostRedirects)
    return refuse(`There are more than ${mostRedirects} redirect URIs`, 'invalid_redirect_uri')
  if (redirects.length === 0 && grants.includes('authorization_code'))
    return refuse('"redirect_uris" is missing', 'invalid_redirect_uri')
  for (const uri of redirects) {
    const fault = uri.length > longestUri ? 'is too long' : checkRedirect(uri, type, home, rules.tryOut)
    if (fault !== undefined)
      return refuse(`The redirect URI ${JSON.stringify(uri.slice(0, 200))} ${fault}`, 'invalid_redirect_uri')
  }
  const name = nameIn(body)
  const pages = (['logo_uri', 'tos_uri', 'policy_uri'] as const).map((key) => [key, pageIn(body, key, home)] as const)
  const signing = textIn(body, 'id_token_signed_response_alg')
  return {
    ...(name !== undefined && { client_name: name }),
    client_uri: textIn(body, 'client_uri') ?? home.href,
    ...Object.fromEntries(pages.filter(([, value]) => value !== undefined)),
    redirect_uris: redirects,
    token_endpoint_auth_method: 'none',
    response_types: [...new Set(responses)],
    grant_types: [...new Set(grants)],
    application_type: type,
    ...((signing === 'RS256' || signing === 'ES256') && { id_token_signed_response_alg: signing }),
  }
}

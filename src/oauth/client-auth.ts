import { createLocalJWKSet, decodeJwt, type JSONWebKeySet, jwtVerify } from 'jose'
import { faultOfTimes } from '../identity/index.ts'
import type { JsonObject } from '../matrix/json.ts'
import { isSameSecret } from '../sessions/index.ts'
import { type Client, mustFindClient } from './clients.ts'
import type { OAuthContext } from './deps.ts'
import { OAuthError } from './error.ts'
import type { OAuthRequest } from './route.ts'
import { useAssertion } from './store/assertions.ts'

/** How clients prove themselves. @see https://datatracker.ietf.org/doc/html/rfc7591#section-2 */
export const authenticationMethods = ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt']

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const assertionAlgorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
]
/** How long the assertion of a client may be good, in seconds, since each has to be remembered for that long. */
const longestAssertion = 600
const leeway = 30

const refused = (sentence: string, cause?: unknown): OAuthError => new OAuthError('invalid_client', sentence, { cause })

/** What a client brings to say who it is. */
interface Brought {
  readonly id: string | undefined
  readonly secret?: string
  readonly assertion?: string
}

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    throw refused('The client id and secret are to be form-encoded in the Authorization header')
  }
}

const fromBasic = (header: string): Brought => {
  const [id = '', ...secret] = Buffer.from(header.slice('Basic '.length), 'base64').toString().split(':')
  return { id: decode(id), secret: decode(secret.join(':')) }
}

const brought = ({ form, headers }: Pick<OAuthRequest, 'form' | 'headers'>): Brought => {
  const [id, secret, assertion] = [form.get('client_id'), form.get('client_secret'), form.get('client_assertion')]
  const basic = /^basic /i.test(headers.authorization ?? '') ? fromBasic(headers.authorization ?? '') : undefined
  if ([basic, secret, assertion].filter((one) => one !== undefined).length > 1)
    throw new OAuthError('invalid_request', 'The client proves itself in more than one way')
  if (basic) {
    if (id !== undefined && id !== basic.id) throw new OAuthError('invalid_request', 'The client gives two ids')
    return basic
  }
  if (assertion === undefined) return { id, ...(secret !== undefined && { secret }) }
  if (form.get('client_assertion_type') !== assertionType)
    throw new OAuthError('invalid_request', `"client_assertion_type" must be ${assertionType}`)
  return { id: id ?? subjectOf(assertion), assertion }
}

/** Whose assertion it says it is; what it says is believed once its signature is verified. */
const subjectOf = (assertion: string): string | undefined => decoded(assertion).sub

const decoded = (assertion: string): ReturnType<typeof decodeJwt> => {
  try {
    return decodeJwt(assertion)
  } catch (error) {
    throw refused('The client assertion is not a JSON Web Token', error)
  }
}

/** @see https://datatracker.ietf.org/doc/html/rfc7523#section-3 */
const checkAssertion = async (context: OAuthContext, id: string, jwks: string, assertion: string): Promise<void> => {
  const now = context.now()
  const slip = faultOfTimes(decoded(assertion) as JsonObject)
  if (slip !== undefined) throw refused(`The client assertion is malformed: ${slip}`)
  const { payload } = await jwtVerify(assertion, createLocalJWKSet(JSON.parse(jwks) as JSONWebKeySet), {
    algorithms: assertionAlgorithms,
    issuer: id,
    subject: id,
    audience: [context.issuer, `${context.publicUrl}/oauth2/token`, `${context.publicUrl}/oauth2/introspect`],
    requiredClaims: ['exp', 'jti'],
    clockTolerance: leeway,
    currentDate: new Date(now),
  }).catch((error: unknown) => {
    throw refused(`The client assertion is not good: ${error instanceof Error ? error.message : String(error)}`, error)
  })
  const { exp = 0, jti } = payload
  if (typeof jti !== 'string' || jti === '') throw refused('The client assertion has no name of its own ("jti")')
  if (exp * 1000 - now > (longestAssertion + leeway) * 1000)
    throw refused('The client assertion is good for more than ten minutes')
  const fresh = await context.database.write((tx) =>
    useAssertion(tx, { client: id, jti, expires: Math.ceil((exp + leeway) * 1000), now }),
  )
  if (!fresh) throw refused('The client assertion was used before')
}

/**
 * The client that asks, having proven itself as its settings want it; undefined for who says nothing.
 * @throws OAuthError invalid_client, invalid_request
 */
export const clientAsking = async (
  context: OAuthContext,
  request: Pick<OAuthRequest, 'form' | 'headers' | 'ip'>,
): Promise<Client | undefined> => {
  const { id, secret, assertion } = brought(request)
  if (id === undefined) {
    if (secret !== undefined) throw refused('A secret came without "client_id"')
    return undefined
  }
  const client = await mustFindClient(context, id)
  const { own } = client
  try {
    if (own?.secret !== undefined && secret !== undefined) {
      if (!isSameSecret(own.secret, secret)) throw refused('The client secret is wrong')
      return client
    }
    if (own?.jwks !== undefined && assertion !== undefined) {
      await checkAssertion(context, id, own.jwks, assertion)
      return client
    }
  } catch (error) {
    context.sessions.failures.badToken(request.ip)
    throw error
  }
  if (own?.secret !== undefined || own?.jwks !== undefined) throw refused('This client has to prove itself')
  if (secret !== undefined || assertion !== undefined)
    throw refused('This is a public client: it has no secret and no keys')
  return client
}

/** The same, where there has to be one. */
export const mustBeClient = async (
  context: OAuthContext,
  request: Pick<OAuthRequest, 'form' | 'headers' | 'ip'>,
): Promise<Client> => {
  const client = await clientAsking(context, request)
  if (!client) throw new OAuthError('invalid_request', '"client_id" is missing')
  return client
}

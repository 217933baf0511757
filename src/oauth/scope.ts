import { OAuthError } from './error.ts'

/** What a client asked for and may have. */
export interface Scope {
  /** The tokens of it that are known here, in the spelling in which they were asked for. */
  readonly text: string
  /** The device that the client has chosen the id of. */
  readonly deviceId: string
  /** Whether an ID token and the userinfo endpoint are wanted. */
  readonly openid: boolean
}

const apis = ['urn:matrix:client:api:*', 'urn:matrix:org.matrix.msc2967.client:api:*']
const devices = ['urn:matrix:client:device:', 'urn:matrix:org.matrix.msc2967.client:device:']
/** In the stable spelling, for who names no device. */
export const scopeOf = (deviceId: string): string => `${apis[0]} ${devices[0]}${deviceId}`
/** What metadata lists: of a scope that has a name in it nothing can be listed. */
export const listedScopes = [...apis, 'openid']

const longestScope = 2_000
const longestDeviceId = 512
/** What RFC 6749, 3.3 lets stand in a scope. */
const scopeToken = /^[\x21\x23-\x5b\x5d-\x7e]+$/

const refuse = (sentence: string): never => {
  throw new OAuthError('invalid_scope', sentence)
}

/**
 * Reads what a client asks for: full access to the client API, on exactly one device. Tokens that are not known are left out.
 * @throws OAuthError invalid_scope
 * @see https://spec.matrix.org/v1.19/client-server-api/#scope
 */
export const parseScope = (text: string | undefined): Scope => {
  if (text === undefined || text === '') return refuse('"scope" is missing')
  if (text.length > longestScope) return refuse('The scope is too long')
  const tokens = [...new Set(text.split(' ').filter((token) => token !== ''))]
  if (!tokens.every((token) => scopeToken.test(token))) return refuse('The scope has characters that cannot be in one')
  const ids = tokens.flatMap((token) => {
    const prefix = devices.find((one) => token.startsWith(one))
    return prefix === undefined ? [] : [token.slice(prefix.length)]
  })
  const [deviceId, ...more] = [...new Set(ids)]
  if (deviceId === undefined || deviceId === '')
    return refuse(`The scope must name a device: ${devices[0]}AAABBBCCCDDD, with an id of the client's own choice`)
  if (more.length > 0) return refuse('The scope names more than one device')
  if (deviceId.length > longestDeviceId) return refuse(`A device id has at most ${longestDeviceId} characters`)
  if (!tokens.some((token) => apis.includes(token))) return refuse(`The scope must have ${apis[0]}`)
  const known = tokens.filter(
    (token) => token === 'openid' || apis.includes(token) || devices.some((prefix) => token.startsWith(prefix)),
  )
  return { text: known.join(' '), deviceId, openid: known.includes('openid') }
}

/** Whether a stored scope has `openid` in it. */
export const hasOpenid = (scope: string): boolean => scope.split(' ').includes('openid')

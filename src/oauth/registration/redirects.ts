/** Which rules hold for where a client has people sent back to. */
export type ApplicationType = 'web' | 'native'

const loopbacks = ['localhost', '127.0.0.1', '[::1]']

const parse = (text: string): URL | undefined => (URL.canParse(text) ? new URL(text) : undefined)

/** What is wrong with an address that a website claims; undefined where nothing is. */
const checkWeb = (url: URL, home: URL, tryOut: boolean): string | undefined => {
  if (url.username !== '' || url.password !== '') return 'has a user name in it'
  if (tryOut && loopbacks.includes(url.hostname) && /^https?:$/.test(url.protocol)) return undefined
  if (url.protocol !== 'https:') return 'must be an https address'
  return url.hostname === home.hostname || url.hostname.endsWith(`.${home.hostname}`)
    ? undefined
    : 'must be on the host of "client_uri", or on one below it'
}

/** As an app writes it: whether there is a port says the text, since the parsed address hides the usual one. */
const hasPort = (text: string): boolean => /^http:\/\/(?:\[[^\]]*\]|[^[/:?#]*):/.test(text)

const checkNative = (text: string, url: URL, home: URL, tryOut: boolean): string | undefined => {
  if (url.protocol === 'http:' && loopbacks.includes(url.hostname)) {
    if (url.username !== '' || url.password !== '') return 'has a user name in it'
    return hasPort(text) && !tryOut ? 'must have no port: any will be taken' : undefined
  }
  if (/^https?:$/.test(url.protocol)) return checkWeb(url, home, tryOut)
  const owner = home.hostname.split('.').toReversed().join('.')
  if (url.protocol !== `${owner}:` && !url.protocol.startsWith(`${owner}.`))
    return `must have a scheme that begins with "${owner}", the host of "client_uri" backwards`
  return /^[^:]+:\/\//.test(text) ? 'must have one slash or none after its scheme' : undefined
}

/**
 * What is wrong with a redirect URI that a client wants to register; undefined where nothing is.
 * @param home the client's `client_uri`
 * @param tryOut whether websites on this machine are taken without https
 * @see https://spec.matrix.org/v1.19/client-server-api/#redirect-uri-validation
 */
export const checkRedirect = (text: string, type: ApplicationType, home: URL, tryOut: boolean): string | undefined => {
  const url = parse(text)
  if (!url || /[\s\p{C}]/u.test(text)) return 'is not an address'
  if (text.includes('#')) return 'has a fragment'
  return type === 'web' ? checkWeb(url, home, tryOut) : checkNative(text, url, home, tryOut)
}

/**
 * Whether a redirect URI that a client asks for is one that it has registered: letter for letter, but for the port on the same machine.
 * @see https://datatracker.ietf.org/doc/html/rfc8252#section-7.3
 */
export const isRegistered = (registered: readonly string[], type: ApplicationType, asked: string): boolean => {
  if (registered.includes(asked)) return true
  const url = type === 'native' ? parse(asked) : undefined
  if (url?.protocol !== 'http:' || !loopbacks.includes(url.hostname) || asked.includes('#')) return false
  const port = /^(http:\/\/(?:\[::1\]|localhost|127\.0\.0\.1)):\d{1,5}(?=[/?]|$)/.exec(asked)
  return port?.[1] !== undefined && registered.includes(`${port[1]}${asked.slice(port[0].length)}`)
}

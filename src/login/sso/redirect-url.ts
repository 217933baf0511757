/** Schemes that a browser runs or reads files by, instead of handing over to an app or a site. */
const dangerous = new Set([
  'javascript:',
  'data:',
  'vbscript:',
  'file:',
  'filesystem:',
  'blob:',
  'about:',
  'view-source:',
  'intent:',
  'chrome:',
  'ws:',
  'wss:',
  'ftp:',
  'mailto:',
  'tel:',
  'sms:',
])
const longest = 2000

/** Where a client wants people sent back to: a site, or an app by its own scheme. Undefined for what nobody should be sent to. */
export const parseRedirect = (text: unknown): URL | undefined => {
  if (typeof text !== 'string' || text.length > longest || !URL.canParse(text)) return undefined
  const url = new URL(text)
  return dangerous.has(url.protocol) || url.username !== '' || url.password !== '' ? undefined : url
}

/** What of a target says who gets what is sent there. An app's scheme is all there is; what follows it is the app's own affair. */
export const originOf = (url: URL): string =>
  url.protocol === 'http:' || url.protocol === 'https:' ? url.origin : url.protocol

/** Whether the target is one of those, by origin: `https://app.example.org.evil.test` and `https://app.example.org@evil.test` are not. */
export const isTrusted = (url: URL, trusted: readonly string[]): boolean =>
  trusted.some((entry) => {
    const known = parseRedirect(entry)
    return known !== undefined && originOf(known) === originOf(url)
  })

/** The target with the token that signs the client in. Whatever it had in that place is not ours, and goes. */
export const withLoginToken = (target: URL, token: string): string => {
  const url = new URL(target)
  const kept = url.search
    .slice(1)
    .split('&')
    .filter((part) => part !== '' && !/^loginToken(=|$)/i.test(decode(part)))
  url.search = [...kept, `loginToken=${encodeURIComponent(token)}`].join('&')
  return url.href
}

const decode = (part: string): string => {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

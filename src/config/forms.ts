import { isIP } from 'node:net'
import { isServerName } from '../matrix/ids.ts'

const durationUnits: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}
const sizeUnits: Readonly<Record<string, number>> = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3 }

/** Milliseconds of `30s`, `5m`, `1h`, `7d`, `2w` or `250ms`; undefined for anything else. */
export const parseDuration = (text: string): number | undefined => {
  const [, amount, unit] = /^(\d{1,9}(?:\.\d{1,3})?) ?(ms|s|m|h|d|w)$/.exec(text) ?? []
  const ms = Math.round(Number(amount) * (durationUnits[unit ?? ''] ?? 0))
  return Number.isSafeInteger(ms) && ms > 0 ? ms : undefined
}

/** Bytes of `512K`, `8M`, `1G` (also `8MB`, `8MiB`) or a plain number; undefined for anything else. */
export const parseSize = (text: string): number | undefined => {
  const [, amount, unit] = /^(\d{1,9}) ?([KMG]?)(?:i?B)?$/i.exec(text) ?? []
  const bytes = Number(amount) * (sizeUnits[unit?.toUpperCase() ?? ''] ?? 0)
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : undefined
}

/**
 * A server name fit to be our own: in lower case, since case counts in Matrix IDs, and short enough to leave room for names.
 * @see https://spec.matrix.org/v1.19/appendices/#server-name
 */
export const parseServerName = (text: string): string | undefined =>
  isServerName(text) &&
  text === text.toLowerCase() &&
  text.length <= 230 &&
  /^[a-z0-9[]/.test(text) &&
  !text.includes('..') &&
  Number(/:(\d+)$/.exec(text)?.[1] ?? 1) <= 65_535
    ? text
    : undefined

/** A host and a port to listen on. */
export interface ListenAddress {
  readonly host: string
  /** 0 lets the system choose a free one. */
  readonly port: number
}

/** Takes `127.0.0.1:8008`, `localhost:8008` or `[::1]:8008` apart; undefined for anything else. */
export const parseListen = (text: string): ListenAddress | undefined => {
  const [, bracketed, name, digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([a-zA-Z0-9.-]+)):(\d{1,5})$/.exec(text) ?? []
  const port = Number(digits)
  if (digits === undefined || port > 65_535) return undefined
  if (bracketed !== undefined) return isIP(bracketed) === 6 ? { host: bracketed, port } : undefined
  return name === undefined || (/^[\d.]+$/.test(name) && isIP(name) !== 4) ? undefined : { host: name, port }
}

/** Where to listen, and whether by TLS. */
export interface Listener extends ListenAddress {
  readonly tls: boolean
}

/** A {@link parseListen} address, with ` tls` behind it where the listener encrypts by itself. */
export const parseListener = (text: string): Listener | undefined => {
  const [, address = '', mark] = /^(.*?)( +tls)?$/.exec(text) ?? []
  const listen = parseListen(address)
  return listen && { ...listen, tls: mark !== undefined }
}

/** `sqlite:PATH`, `sqlite::memory:` or a PostgreSQL URL; undefined for anything else. */
export const parseDatabase = (text: string): string | undefined => {
  if (text.startsWith('sqlite:')) {
    const path = text.slice('sqlite:'.length)
    return path === '' || /^\/\/[^/]/.test(path) || path.includes('\0') ? undefined : text
  }
  return /^postgres(?:ql)?:\/\//.test(text) && URL.canParse(text) ? text : undefined
}

/** The database without its password. */
export const redactDatabase = (text: string): string => {
  if (text.startsWith('sqlite:') || !URL.canParse(text)) return text
  const url = new URL(text)
  if (url.password !== '') url.password = 'hidden'
  for (const name of url.searchParams.keys()) if (/password|key/i.test(name)) url.searchParams.set(name, 'hidden')
  return url.href
}

/** The URL that clients reach the server by, without a slash at its end; undefined when it cannot be one. */
export const parseBaseUrl = (text: string): string | undefined => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (
    !url ||
    !/^https?:$/.test(url.protocol) ||
    url.username ||
    url.password ||
    text.includes('?') ||
    text.includes('#')
  )
    return undefined
  return url.href.replace(/\/+$/, '')
}

/** An address or a range such as `10.0.0.0/8`; undefined for anything else. */
export const parseAddressRange = (text: string): string | undefined => {
  const [address = '', prefix, ...rest] = text.split('/')
  const family = isIP(address)
  if (family === 0 || rest.length > 0 || address.includes('%')) return undefined
  if (prefix === undefined) return text
  return /^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128) ? text : undefined
}

/** Whether only this machine can reach the host. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || host === '[::1]' || host.startsWith('127.')

/** A name that an authority can ask the DNS about. */
export const isDnsName = (text: string): boolean =>
  /^(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*$/.test(text)

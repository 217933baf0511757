import type { IncomingHttpHeaders } from 'node:http'

/** The cookies that a browser sent, the first of each name. */
const cookiesOf = (header: string | undefined): Map<string, string> => {
  const cookies = new Map<string, string>()
  for (const part of (header ?? '').split(';')) {
    const at = part.indexOf('=')
    const name = part.slice(0, at).trim()
    if (at > 0 && !cookies.has(name)) cookies.set(name, part.slice(at + 1).trim())
  }
  return cookies
}

/** A cookie of ours, which no script sees and which does not travel with what other sites ask, but for following a link. */
export interface Cookie {
  read(headers: IncomingHttpHeaders): string | undefined
  /** The `Set-Cookie` that keeps the value until the browser is closed. */
  write(value: string): string
  /** The `Set-Cookie` that takes it out. */
  clear(): string
}

const wellFormed = /^[A-Za-z0-9_-]{16,128}$/

/** @param secure whether people come by https: a cookie then is bound to this very host */
export const cookie = (name: string, secure: boolean): Cookie => {
  const full = secure ? `__Host-${name}` : name
  const attributes = `Path=/; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`
  return {
    read: ({ cookie: header }) => {
      const value = cookiesOf(header).get(full)
      return value !== undefined && wellFormed.test(value) ? value : undefined
    },
    write: (value) => `${full}=${value}; ${attributes}`,
    clear: () => `${full}=; Max-Age=0; ${attributes}`,
  }
}

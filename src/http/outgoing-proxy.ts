import { request as ask } from 'node:http'
import type { Socket } from 'node:net'

/** Where requests go through on their way out. */
export interface OutgoingProxy {
  /** `http://[USER:PASSWORD@]HOST:PORT` */
  readonly url: string
  /** Hosts that are asked without it; one that begins with a dot stands for all names below it. */
  readonly except: readonly string[]
}

const connectMs = 10_000

/** Whether a host is asked through the proxy. This machine never is. */
export const goesThrough = ({ except }: OutgoingProxy, host: string): boolean =>
  !['localhost', '127.0.0.1', '::1', ...except].some(
    (one) => host === one || (one.startsWith('.') && host.endsWith(one)),
  )

/**
 * Has the proxy open a way to a host, through which one talks as if it were there.
 * @throws Error when it does not
 * @see https://www.rfc-editor.org/rfc/rfc9110#name-connect
 */
export function tunnel({ url }: OutgoingProxy, host: string, port: number): Promise<Socket> {
  const { hostname, port: own, username, password } = new URL(url)
  const target = `${host.includes(':') ? `[${host}]` : host}:${port}`
  const credentials = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64')
  const request = ask({
    host: hostname.replace(/^\[|\]$/g, ''),
    port: own || 80,
    method: 'CONNECT',
    path: target,
    agent: false,
    timeout: connectMs,
    headers: { host: target, ...(username !== '' && { 'proxy-authorization': `Basic ${credentials}` }) },
  })
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  request.once('timeout', () => request.destroy(new Error(`The proxy did not answer in ${connectMs / 1000} s`)))
  request.once('error', reject)
  request.once('response', (response) => {
    response.resume()
    reject(new Error(`The proxy answers ${response.statusCode} to CONNECT`))
  })
  request.once('connect', ({ statusCode }, socket) => {
    if (statusCode === 200) resolve(socket)
    else {
      socket.destroy()
      reject(new Error(`The proxy answers ${statusCode} to CONNECT`))
    }
  })
  request.end()
  return promise
}

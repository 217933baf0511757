import type { IncomingHttpHeaders } from 'node:http'
import { localNames } from '../../config/index.ts'

/** The host that a browser on this machine has asked for; undefined where it was any other, or a proxy passes the request on. */
export const localHost = (headers: IncomingHttpHeaders): string | undefined => {
  const { host, forwarded, 'x-forwarded-for': before, 'x-forwarded-host': named, via } = headers
  if (host === undefined || forwarded !== undefined || before !== undefined || named !== undefined || via !== undefined)
    return undefined
  return localNames.has(host.replace(/:\d+$/, '').toLowerCase()) ? host : undefined
}

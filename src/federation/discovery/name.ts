import { isIP } from 'node:net'
import { isServerName } from '../../matrix/ids.ts'

/** A server name taken apart. */
export interface NameParts {
  /** Without the brackets of an IPv6 address. */
  readonly host: string
  readonly port: number | undefined
  /** Whether the host is an address. */
  readonly isLiteral: boolean
}

/** The parts of a server name; undefined when it is none. */
export function splitName(name: unknown): NameParts | undefined {
  if (!isServerName(name)) return undefined
  const [, six, other, digits] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d{1,5}))?$/.exec(name) ?? []
  const host = six ?? other ?? ''
  const port = digits === undefined ? undefined : Number(digits)
  if (host === '' || port === 0 || (port ?? 0) > 65_535) return undefined
  if (six !== undefined && isIP(six) !== 6) return undefined
  return { host, port, isLiteral: isIP(host) !== 0 }
}

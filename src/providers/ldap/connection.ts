import { connect, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { Client, type Entry, type Filter, ResultCodeError } from 'ldapts'

/** How to reach a directory. */
export interface Reach {
  readonly startTls: boolean
  /** Certificate authorities, PEM; undefined: those of the system. */
  readonly ca: readonly string[] | undefined
  /** For each thing that is asked, in ms. */
  readonly timeoutMs: number
}

/** What a search asks for. */
export interface Wanted {
  readonly filter: Filter
  readonly scope: 'base' | 'sub'
  readonly attributes: readonly string[]
  /** Attributes that are bytes. */
  readonly binary?: readonly string[]
  /** Whether to fetch page by page: for many, which some servers give in no other way. */
  readonly paged?: boolean
}

/** The directory cannot be asked, or does not answer sensibly. `reason` is for the log. */
export class DirectoryError extends Error {
  override readonly name = 'DirectoryError'
}

/** Why a name and password are not taken. */
export interface Refused {
  readonly code: string
  readonly reason: string
}

/** A connection to one server of a directory. */
export interface Connection extends AsyncDisposable {
  /** Undefined when the password is that of the entry. @throws DirectoryError when that could not be found out */
  bind(dn: string, password: string): Promise<Refused | undefined>
  /** @throws DirectoryError */
  search(base: string, wanted: Wanted): Promise<Entry[]>
}

const pageSize = 500

/**
 * Answers to a bind that mean "not with this password": invalidCredentials, inappropriateAuthentication, invalidDNSyntax, noSuchObject,
 * insufficientAccess, constraintViolation (locked by a policy), unwillingToPerform (disabled), namingViolation.
 */
const refusals: ReadonlySet<number> = new Set([49, 48, 34, 32, 50, 19, 53, 64])

/** A password that a directory takes for none at all, and then lets anybody in as nobody (RFC 4513, 5.1.2), is never sent. */
export const isNoPassword = (password: string): boolean => password === '' || password.includes('\0')

const words = (error: unknown): string => (error instanceof Error ? error.message.trim() || error.name : String(error))

/** Connects, and encrypts where that is to be done. @throws DirectoryError */
export const openConnection = async (url: string, { startTls, ca, timeoutMs }: Reach): Promise<Connection> => {
  const { protocol, hostname } = new URL(url)
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  const tls = { host, minVersion: 'TLSv1.2' as const, ...(ca && { ca: [...ca] }) }
  let plain: Socket | undefined
  let secure: TLSSocket | undefined
  // The client connects again by itself when a connection is lost, and then without encryption: a password could go out in the clear.
  const once = <T>(made: Socket | undefined, make: () => T): T => {
    if (made) throw new Error('The connection was lost')
    return make()
  }
  const client = new Client({
    url,
    timeout: timeoutMs,
    connectTimeout: timeoutMs,
    strictDN: false,
    createConnection: ((port: number, name: string) =>
      once(plain, () => (plain = connect(port, name)))) as typeof connect,
    // Called with port, host and options for ldaps:, and with options alone for StartTLS.
    createSecureConnection: (...args: unknown[]) =>
      once(secure, () => {
        const given = args.find((one) => typeof one === 'object' && one !== null)
        const port = args.find((one) => typeof one === 'number')
        return (secure = connectTls({ ...tls, ...given, ...(port !== undefined && { port }) }))
      }),
  })
  const cut = (): void => {
    for (const socket of [secure, plain]) {
      // Nobody listens any more to what it may still complain about.
      socket?.on('error', () => {})
      socket?.destroy()
    }
  }
  /** ldapts has no deadline for the handshakes. */
  const within = async <T>(what: string, work: Promise<T>): Promise<T> => {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        cut()
        reject(new Error(`no answer within ${timeoutMs} ms`))
      }, timeoutMs)
    })
    try {
      return await Promise.race([work, late])
    } catch (error) {
      if (error instanceof ResultCodeError) throw error
      throw new DirectoryError(`${url}: ${what}: ${words(error)}`, { cause: error })
    } finally {
      clearTimeout(timer)
      // What comes of it after the deadline is nobody's.
      work.catch(() => {})
    }
  }
  const close = async (): Promise<void> => {
    await within('unbind', client.unbind()).catch(() => {})
    cut()
  }
  const asError = (what: string, error: unknown): unknown =>
    error instanceof ResultCodeError
      ? new DirectoryError(`${url}: ${what}: result ${error.code}: ${words(error)}`, { cause: error })
      : error

  if (protocol === 'ldap:' && startTls) {
    try {
      await within('StartTLS', client.startTLS({ ...tls }))
    } catch (error) {
      cut()
      throw asError('StartTLS', error)
    }
  }
  return {
    bind: async (dn, password) => {
      if (dn === '' || isNoPassword(password))
        return { code: 'password_empty', reason: 'Without a name and a password nobody is asked' }
      try {
        await within('bind', client.bind(dn, password))
        return undefined
      } catch (error) {
        if (error instanceof ResultCodeError && refusals.has(error.code))
          return { code: `ldap_${error.code}`, reason: words(error).replaceAll('\0', '') }
        throw asError('bind', error)
      }
    },
    search: async (base, { filter, scope, attributes, binary = [], paged = false }) => {
      try {
        const { searchEntries } = await within(
          'search',
          client.search(base, {
            filter,
            scope,
            attributes: [...attributes],
            explicitBufferAttributes: [...binary],
            derefAliases: 'never',
            ...(paged && { paged: { pageSize } }),
          }),
        )
        return searchEntries
      } catch (error) {
        // An entry that its owner may not read, or that went in this moment.
        if (error instanceof ResultCodeError && error.code === 32 && scope === 'base') return []
        throw asError('search', error)
      }
    },
    [Symbol.asyncDispose]: close,
  }
}

import { unwatchFile, watchFile } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { RequestListener, ServerOptions } from 'node:http'
import type { Server } from 'node:https'
import type { TLSSocket } from 'node:tls'
import type { Certificates } from './certificates.ts'

/** So often the files are looked at; a certificate is renewed long before it ends. */
const lookEveryMs = 30_000
/** @see https://www.rfc-editor.org/rfc/rfc8737 */
const challengeProtocol = 'acme-tls/1'

type Pair = { readonly cert: Buffer; readonly key: Buffer }

async function read({ files }: Certificates): Promise<Pair | undefined> {
  const { certificateFile, keyFile, isPending = false } = files
  if (certificateFile === undefined || keyFile === undefined)
    throw new Error('A listener by TLS needs "tls.certificate_file" and "tls.key_file", or "acme.email"')
  try {
    const [cert, key] = await Promise.all([readFile(certificateFile), readFile(keyFile)])
    return { cert, key }
  } catch (error) {
    if (isPending && (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Says by which protocol to go on; an authority that asks whether a name leads here is shown what it gave for that. */
function protocolOf(
  this: TLSSocket,
  { challenges }: Certificates,
  { servername, protocols }: { servername: string; protocols: string[] },
): string | undefined {
  if (!protocols.includes(challengeProtocol)) return protocols.includes('http/1.1') ? 'http/1.1' : undefined
  const challenge = challenges.get(servername)
  if (!challenge) return undefined
  this.setKeyCert(challenge)
  return challengeProtocol
}

/**
 * A server that encrypts by itself. When its certificate changes it takes the new one for new connections; what cannot be used is logged,
 * and the old one goes on.
 * @throws Error that names the file which cannot be used
 */
export async function createTlsServer(
  certificates: Certificates,
  options: ServerOptions,
  listener: RequestListener,
  log: { error(details: object, message: string): void },
): Promise<Server> {
  const first = await read(certificates)
  const { createServer } = await import('node:https')
  let server: Server
  try {
    const ALPNCallback = function (this: TLSSocket, hello: { servername: string; protocols: string[] }) {
      return protocolOf.call(this, certificates, hello)
    }
    server = createServer({ ...options, ...first, ALPNCallback }, listener)
  } catch (error) {
    const { certificateFile, keyFile } = certificates.files
    throw new Error(`${certificateFile} and ${keyFile} are not a certificate and its key`, { cause: error })
  }
  const renew = (): void => {
    const file = certificates.files.certificateFile
    read(certificates).then(
      (pair) => {
        try {
          if (pair) server.setSecureContext(pair)
        } catch (error) {
          log.error({ err: error, file }, 'the new certificate cannot be used; the old one goes on')
        }
      },
      (error: unknown) => {
        log.error({ err: error, file }, 'the certificate cannot be read; the old one goes on')
      },
    )
  }
  let watched: string[] = []
  const watch = (): void => {
    for (const file of watched) unwatchFile(file, renew)
    const { certificateFile, keyFile } = certificates.files
    watched = [certificateFile, keyFile].filter((file) => file !== undefined)
    for (const file of watched) watchFile(file, { interval: lookEveryMs, persistent: false }, renew)
  }
  watch()
  const forget = certificates.onChange(() => {
    watch()
    renew()
  })
  server.once('close', () => {
    forget()
    for (const file of watched) unwatchFile(file, renew)
  })
  return server
}

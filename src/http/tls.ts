import { readFile } from 'node:fs/promises'
import { unwatchFile, watchFile } from 'node:fs'
import type { RequestListener, ServerOptions } from 'node:http'
import type { Server } from 'node:https'

/** PEM files of a certificate, with those between it and its authority behind it, and of its key. */
export interface TlsFiles {
  readonly certificateFile?: string | undefined
  readonly keyFile?: string | undefined
}

/** So often the files are looked at; a certificate is renewed long before it ends. */
const lookEveryMs = 30_000

/**
 * A server that encrypts by itself. When its files change it takes the new certificate for new connections; what cannot be used is logged,
 * and the old one goes on.
 * @throws Error that names the file which cannot be used
 */
export async function createTlsServer(
  { certificateFile, keyFile }: TlsFiles = {},
  options: ServerOptions,
  listener: RequestListener,
  log: { error(details: object, message: string): void },
): Promise<Server> {
  if (certificateFile === undefined || keyFile === undefined)
    throw new Error('A listener by TLS needs "tls.certificate_file" and "tls.key_file"')
  const read = async (): Promise<{ cert: Buffer; key: Buffer }> => {
    const [cert, key] = await Promise.all([readFile(certificateFile), readFile(keyFile)])
    return { cert, key }
  }
  const { createServer } = await import('node:https')
  const first = await read()
  let server: Server
  try {
    server = createServer({ ...options, ...first }, listener)
  } catch (error) {
    throw new Error(`${certificateFile} and ${keyFile} are not a certificate and its key`, { cause: error })
  }
  const renew = (): void => {
    read().then(
      (files) => {
        try {
          server.setSecureContext(files)
        } catch (error) {
          log.error({ err: error, file: certificateFile }, 'the new certificate cannot be used; the old one goes on')
        }
      },
      (error: unknown) => {
        log.error({ err: error, file: certificateFile }, 'the certificate cannot be read; the old one goes on')
      },
    )
  }
  for (const file of [certificateFile, keyFile]) watchFile(file, { interval: lookEveryMs, persistent: false }, renew)
  server.once('close', () => {
    for (const file of [certificateFile, keyFile]) unwatchFile(file, renew)
  })
  return server
}

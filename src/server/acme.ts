// Certificates by ACME: nothing of it is loaded where they come from elsewhere.
import { join } from 'node:path'
import { acmeNames, type Config } from '../config/index.ts'
import { acmeFiles, type Certificates, type TlsFiles } from '../http/index.ts'
import type { Foundations } from './foundations.ts'

const folderOf = (config: Config): string => join(config.data_dir, 'acme')

/** The files that listeners by TLS show: the operator's, or those that an authority gives. */
export const tlsFiles = (config: Config): TlsFiles =>
  config.acme.email === undefined
    ? { certificateFile: config.tls.certificate_file, keyFile: config.tls.key_file }
    : { ...acmeFiles(folderOf(config)), isPending: true }

/** Begins to see to the certificate, where that is asked for. */
export async function keepCertificates(stack: AsyncDisposableStack, ground: Foundations, certificates: Certificates) {
  const { config, outgoing, now, logger, randomBytes } = ground
  const { email, directory, key_id: keyId, key } = config.acme
  if (email === undefined) return
  const { keepCertificate } = await import('../http/acme/keep.ts')
  stack.use(
    keepCertificate(
      {
        outgoing,
        certificates,
        now,
        folder: folderOf(config),
        chance: () => (randomBytes(1)[0] ?? 0) / 255,
        log: logger,
      },
      {
        email,
        directory,
        names: acmeNames(config),
        external: keyId === undefined || key === undefined ? undefined : { keyId, key },
      },
    ),
  )
}

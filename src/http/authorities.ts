import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import type { Check } from '../config/index.ts'

const certificate = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/** The certificates in a PEM file. @throws Error for a file that cannot be read, has none, or has what is none */
function certificatesIn(file: string): string[] {
  const found = readFileSync(file, 'utf8').match(certificate) ?? []
  if (found.length === 0) throw new Error('there is no certificate in it')
  for (const one of found) void new X509Certificate(one)
  return found
}

let believed: string | undefined

/**
 * Has this process believe the authorities of the system, beside those that Node brings, and those of a file of one's own: wherever it
 * asks others by TLS. Reading those of the system takes a while, so it is done when somebody is asked for the first time.
 */
export function believeAuthorities(file?: string): void {
  const own = file === undefined ? [] : certificatesIn(file)
  const key = own.join()
  if (believed === key || (file === undefined && believed !== undefined)) return
  believed = key
  setDefaultCACertificates([...new Set([...getCACertificates('bundled'), ...getCACertificates('system'), ...own])])
}

/** Whether `ca_file` can be used. */
export const authorityChecks: Check = ({ ca_file: file }) => {
  if (file === undefined) return []
  try {
    certificatesIn(file)
    return []
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return [{ level: 'error', key: 'ca_file', message: `"ca_file" cannot be used: ${why}.`, fix: 'Name a PEM file.' }]
  }
}

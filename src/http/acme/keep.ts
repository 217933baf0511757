import type { X509Certificate } from 'node:crypto'
import { backOff } from '../../jobs/index.ts'
import type { Certificates } from '../certificates.ts'
import type { Outgoing } from '../outgoing.ts'
import { accountKey, acmeFiles, keepPair, readCertificate } from './files.ts'
import { orderCertificate, type Issued, type Order } from './order.ts'

export interface AcmeDeps {
  readonly outgoing: Outgoing
  readonly certificates: Certificates
  /** Where all of it is kept. */
  readonly folder: string
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Between 0 and 1. */
  readonly chance: () => number
  readonly log: { info(details: object, message: string): void; error(details: object, message: string): void }
  /** Runs something later; for tests. */
  readonly later?: (work: () => void, ms: number) => NodeJS.Timeout
  /** Asks the authority; for tests. */
  readonly order?: ((order: Order) => Promise<Issued>) | undefined
}

export type AcmeSettings = Pick<Order, 'directory' | 'email' | 'names' | 'external'>

/** A failure may be the operator's to mend; an authority counts them. Five in an hour are the most that Let's Encrypt takes. */
const waits = { firstMs: 15 * 60_000, mostMs: 12 * 60 * 60_000 }
/** So often it is looked whether the certificate has come into its last third. */
const lookEveryMs = 12 * 60 * 60_000

/** Whether the certificate is to be renewed: in the last third of its life, or when it is not for all of the names. */
export function isDue(certificate: X509Certificate | undefined, names: readonly string[], now: number): boolean {
  if (!certificate || names.some((name) => certificate.checkHost(name, { subject: 'never' }) === undefined)) return true
  const [begin, end] = [certificate.validFromDate.getTime(), certificate.validToDate.getTime()]
  return now > end - (end - begin) / 3
}

/** Why an authority has not given a certificate: what it says itself, where it does. */
const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error)).slice(0, 1000)

/**
 * Sees to it that there is a certificate for the names: gets one, renews it in time, and has listeners show it at once. What fails is
 * tried again, later each time, and the certificate that there is goes on.
 */
export function keepCertificate(deps: AcmeDeps, settings: AcmeSettings): AsyncDisposable {
  const { certificates, folder, now, log } = deps
  const files = acmeFiles(folder)
  const { names } = settings
  const later = deps.later ?? ((work: () => void, ms: number) => setTimeout(work, ms).unref())
  const order = deps.order ?? ((wish: Order) => orderCertificate(deps, wish))
  let timer: NodeJS.Timeout | undefined
  let failures = 0
  let isStopped = false

  const renew = async (): Promise<void> => {
    if (!isDue(await readCertificate(files), names, now())) return
    log.info({ names, authority: settings.directory }, 'an authority is asked for a certificate')
    const account = (make: () => Promise<string>): Promise<string> => accountKey(folder, files, make)
    const issued = await order({ ...settings, account })
    await keepPair(files, issued)
    certificates.changed()
    const until = (await readCertificate(files))?.validToDate.toISOString()
    log.info({ names, until }, 'the certificate is here, and shown from now on')
  }

  const look = async (): Promise<void> => {
    let wait = lookEveryMs
    try {
      await renew()
      failures = 0
    } catch (error) {
      failures += 1
      wait = backOff(failures, waits, deps.chance())
      const details = { names, reason: reasonOf(error), attempts: failures, againInMinutes: Math.round(wait / 60_000) }
      log.error(details, 'an authority gives no certificate; do the names lead to port 443 of this machine?')
    }
    if (!isStopped) timer = later(begin, wait)
  }
  let running = look()
  const begin = (): void => void (running = look())

  return {
    [Symbol.asyncDispose]: async () => {
      isStopped = true
      clearTimeout(timer)
      // One that is under way may take as long as the authority does; nothing is lost when it is not waited for.
      await Promise.race([running, new Promise((resolve) => setTimeout(resolve, 500).unref())])
    },
  }
}

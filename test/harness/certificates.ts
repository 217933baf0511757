// Certificates for tests: an authority of their own, and what it vouches for.
import { generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto'
import { isIP } from 'node:net'

/** A certificate and its key, PEM. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

export interface Authority {
  /** Its own certificate, PEM: what trusts this, trusts all that it issues. */
  readonly cert: string
  /** A certificate for these names and addresses. `days` from now until it ends; negative: it has ended. */
  issue(names: readonly string[], days?: number): Certificate
}

const der = (tag: number, ...parts: readonly Uint8Array[]): Buffer => {
  const body = Buffer.concat(parts)
  const size = body.length
  const length = size < 128 ? [size] : size < 256 ? [0x81, size] : [0x82, size >> 8, size & 255]
  return Buffer.concat([Buffer.from([tag, ...length]), body])
}
const hex = (text: string): Buffer => Buffer.from(text, 'hex')
const sequence = (...parts: readonly Uint8Array[]): Buffer => der(0x30, ...parts)
/** ecdsa-with-SHA256 */
const algorithm = sequence(hex('06082a8648ce3d040302'))
const named = (name: string): Buffer => sequence(der(0x31, sequence(hex('0603550403'), der(0x0c, Buffer.from(name)))))
const time = (ms: number): Buffer =>
  der(0x17, Buffer.from(`${new Date(ms).toISOString().replaceAll(/[-:T]/g, '').slice(2, 14)}Z`))
const extension = (oid: string, value: Buffer): Buffer => sequence(hex(oid), der(0x04, value))
const pem = (bytes: Buffer): string =>
  `-----BEGIN CERTIFICATE-----\n${bytes.toString('base64').replaceAll(/.{64}/g, '$&\n').trimEnd()}\n-----END CERTIFICATE-----\n`

function alternative(name: string): Buffer {
  const host = name.replaceAll(/^\[|\]$/g, '')
  if (isIP(host) === 4) return der(0x87, Buffer.from(host.split('.').map(Number)))
  if (host === '::1') return der(0x87, Buffer.concat([Buffer.alloc(15), Buffer.from([1])]))
  return der(0x82, Buffer.from(host))
}

const day = 86_400_000

function certificate(
  subject: string,
  issuer: string,
  publicKey: KeyObject,
  issuerKey: KeyObject,
  days: number,
  extensions: readonly Buffer[],
): string {
  const spki = publicKey.export({ format: 'der', type: 'spki' })
  const until = Date.now() + days * day
  const tbs = sequence(
    der(0xa0, hex('020102')),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    named(issuer),
    sequence(time(Math.min(Date.now(), until) - day), time(until)),
    named(subject),
    spki,
    der(0xa3, sequence(...extensions)),
  )
  const signature = sign('sha256', tbs, issuerKey)
  return pem(sequence(tbs, algorithm, der(0x03, Buffer.from([0]), signature)))
}

/** Makes an authority. */
export function createAuthority(): Authority {
  const name = `Test authority ${randomBytes(4).toString('hex')}`
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const cert = certificate(name, name, pair.publicKey, pair.privateKey, 2, [
    sequence(hex('0603551d13'), hex('0101ff'), der(0x04, hex('30030101ff'))),
  ])
  return {
    cert,
    issue: (names, days = 2) => {
      const own = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const alternatives = extension('0603551d11', sequence(...names.map(alternative)))
      return {
        cert: certificate(names[0] ?? name, name, own.publicKey, pair.privateKey, days, [alternatives]),
        key: own.privateKey.export({ format: 'pem', type: 'pkcs8' }),
      }
    },
  }
}

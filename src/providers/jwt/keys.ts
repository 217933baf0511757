import { createPublicKey, createSecretKey, type KeyObject, X509Certificate } from 'node:crypto'
import type { Finding } from '../../config/index.ts'
import { isObject } from '../../matrix/json.ts'
import { type Algorithm, type AlgorithmName, algorithmOf } from './algorithms.ts'
import { error, warning } from '../../config/findings.ts'

/** A key that may verify tokens, under the named algorithms and no others. */
export interface VerificationKey {
  /** The name that tokens choose it by. A key without one serves whatever `kid` a token carries. */
  kid: string | undefined
  algorithms: ReadonlySet<AlgorithmName>
  key: KeyObject
  /** What it is, in words that may be shown: never the key itself. */
  description: string
}

/** What became of configured key material. With an error among the findings, `keys` is not to be used. */
export interface ParsedKeys {
  keys: VerificationKey[]
  findings: Finding[]
}

interface Found {
  key: KeyObject
  kid?: string | undefined
  alg?: string | undefined
  from: string
  warnings?: [string, string][]
}
type Fault = { fault: string; fix: string }

const maxKeys = 100
const blockPattern = /-----BEGIN ([A-Z0-9 ]+)-----([\s\S]*?)-----END \1-----/
const isFault = (found: Found | Fault): found is Fault => 'fault' in found

/**
 * One PEM block, forgiving what happens to line breaks in configuration files: folded into spaces, or written as `\n`.
 * A certificate counts for the key in it.
 */
const fromPem = (text: string): Found | Fault => {
  const [, label, body] = blockPattern.exec(text) ?? []
  if (label === undefined || body === undefined) {
    return {
      fault: 'it begins like a PEM key, but no whole block is there',
      fix: 'Paste it from -----BEGIN to the last dash of -----END, best as a block scalar (secret: |)',
    }
  }
  const lines =
    body
      .replaceAll('\\n', '')
      .replaceAll(/\s/g, '')
      .match(/.{1,64}/g) ?? []
  const pem = `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
  try {
    if (label.endsWith('CERTIFICATE')) return { key: new X509Certificate(pem).publicKey, from: 'certificate' }
    const key = createPublicKey(pem)
    if (!label.includes('PRIVATE')) return { key, from: 'public key' }
    return {
      key,
      from: 'private key',
      warnings: [
        [
          'it is a private key, and checking tokens needs the public half only',
          'Put the public key here: openssl pkey -in private.pem -pubout',
        ],
      ],
    }
  } catch {
    return {
      fault: `the PEM block "${label}" cannot be read`,
      fix: 'Export the key again as an unencrypted PEM public key or certificate',
    }
  }
}

const fromJwk = (jwk: unknown): Found | Fault => {
  const fix = 'Each key is an object as in RFC 7517: {"kty": "RSA", "n": …, "e": …}'
  if (!isObject(jwk)) return { fault: 'a JSON Web Key is not an object', fix }
  const { kty, kid, alg, use, key_ops: operations, k, d } = jwk
  if (kid !== undefined && typeof kid !== 'string') return { fault: 'the "kid" of a JSON Web Key is not a string', fix }
  if (alg !== undefined && typeof alg !== 'string') return { fault: 'the "alg" of a JSON Web Key is not a string', fix }
  const unfit =
    use !== undefined && use !== 'sig'
      ? '"use"'
      : operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))
        ? '"key_ops"'
        : ''
  if (unfit)
    return {
      fault: `the ${unfit} of a JSON Web Key says that it is not for verifying signatures`,
      fix: 'Give the key that signs tokens',
    }
  try {
    if (kty === 'oct') {
      if (typeof k !== 'string') return { fault: 'a JSON Web Key of type "oct" has no "k"', fix }
      return { key: createSecretKey(k, 'base64url'), kid, alg, from: 'JSON Web Key' }
    }
    const key = createPublicKey({ key: jwk, format: 'jwk' })
    if (d === undefined) return { key, kid, alg, from: 'JSON Web Key' }
    return {
      key,
      kid,
      alg,
      from: 'JSON Web Key',
      warnings: [
        [
          'it holds a private key, and checking tokens needs the public half only',
          'Remove d, p, q, dp, dq and qi from the JSON Web Key',
        ],
      ],
    }
  } catch {
    return { fault: 'a JSON Web Key cannot be read', fix }
  }
}

/** A JWK or JWK Set. Keys of a set that are not for signatures are passed over, as in every published set. */
const fromJson = (value: Record<string, unknown>): (Found | Fault)[] => {
  if (!Array.isArray(value.keys)) return [fromJwk(value)]
  const forSigning = value.keys.filter((key: unknown) => (key as { use?: unknown } | null)?.use !== 'enc')
  if (forSigning.length > maxKeys)
    return [{ fault: `the JSON Web Key Set has more than ${maxKeys} keys`, fix: 'Leave the keys that are in use' }]
  return forSigning.length > 0
    ? forSigning.map(fromJwk)
    : [{ fault: 'the JSON Web Key Set has no key for signatures', fix: 'Give at least one key' }]
}

const jsonObjectOf = (text: string): Record<string, unknown> | undefined => {
  if (!text.startsWith('{')) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) && ('kty' in value || 'keys' in value) ? value : undefined
  } catch {
    return undefined
  }
}

/** The body of a PEM public key or certificate without its frame, which is what some consoles let one copy. */
const fromBareBase64 = (text: string): Found | undefined => {
  const compact = text.replaceAll(/\s/g, '')
  if (compact.length < 40 || !/^MC|^MI|^MF|^MH/.test(compact) || !/^[A-Za-z0-9+/]+=*$/.test(compact)) return undefined
  const der = Buffer.from(compact, 'base64')
  for (const read of [
    () => createPublicKey({ key: der, format: 'der', type: 'spki' }),
    () => new X509Certificate(der).publicKey,
  ]) {
    try {
      return { key: read(), from: 'public key' }
    } catch {
      // Not this form; the last word is that it is no key at all, but a secret.
    }
  }
  return undefined
}

const foundIn = (material: string | Record<string, unknown>): (Found | Fault)[] => {
  if (typeof material !== 'string') return fromJson(material)
  const text = material.trim()
  if (text.startsWith('-----BEGIN ')) return [fromPem(text)]
  const json = jsonObjectOf(text)
  if (json) return fromJson(json)
  if (/^(ssh-(rsa|ed25519|dss)|ecdsa-sha2-\S+) /.test(text)) {
    return [{ fault: 'it is an SSH public key', fix: 'Export it as PEM: ssh-keygen -e -m PKCS8 -f key.pub' }]
  }
  return [fromBareBase64(text) ?? { key: createSecretKey(material, 'utf8'), from: 'secret' }]
}

const curveOf = (key: KeyObject): string => key.asymmetricKeyDetails?.namedCurve ?? key.asymmetricKeyType ?? ''

/** Whether the type of the key suits the algorithm, whatever else is said about either. */
const suits = (key: KeyObject, algorithm: Algorithm): boolean => {
  const type = key.asymmetricKeyType
  if (algorithm.kind === 'hmac') return key.type === 'secret'
  if (algorithm.kind === 'ec') return type === 'ec' && curveOf(key) === algorithm.curve
  if (algorithm.kind === 'okp') return algorithm.curves.includes(type ?? '')
  return (
    type === 'rsa' ||
    (algorithm.pss !== null &&
      type === 'rsa-pss' &&
      [undefined, algorithm.hash].includes(key.asymmetricKeyDetails?.hashAlgorithm))
  )
}

const describe = ({ key, from, kid, alg }: Found): string => {
  const bits = key.asymmetricKeyDetails?.modulusLength
  const what =
    key.type === 'secret'
      ? `HMAC secret of ${key.symmetricKeySize ?? 0} bytes`
      : `${bits === undefined ? curveOf(key) : `RSA ${bits}`} public key`
  const parts = [what]
  if (from !== 'secret' && from !== 'public key') parts.push(`from a ${from}`)
  if (kid !== undefined) parts.push(`kid ${JSON.stringify(kid)}`)
  if (alg !== undefined) parts.push(`for ${JSON.stringify(alg)}`)
  return parts.join(', ')
}

/** A secret that is long, and that whoever has read our own examples knows, or finds in no time. */
const guessable = (secret: Buffer, path: string, strict: boolean): Finding[] => {
  const fix = 'Make one with "openssl rand -hex 32" and set it here and in the backend that signs the tokens'
  if (/^change[-_ ]?me/i.test(secret.toString()))
    return [(strict ? error : warning)(path, 'The secret is that of an example, which everybody knows', fix)]
  const variety = new Set(secret).size
  return variety >= 8
    ? []
    : [
        warning(
          path,
          `The secret is made of ${variety} different byte${variety === 1 ? '' : 's'}, over and over: it can be guessed`,
          fix,
        ),
      ]
}

/** What is wrong with the strength of a key under an algorithm that suits its type. */
const strengthFindings = (found: Found, name: AlgorithmName, path: string, strict: boolean): Finding[] => {
  const { key } = found
  const algorithm: Algorithm | undefined = algorithmOf(name)
  const bits = key.asymmetricKeyDetails?.modulusLength
  if (bits !== undefined && bits < 2048) {
    return [
      error(
        path,
        `The RSA key has ${bits} bits; fewer than 2048 can be broken`,
        'Have the issuer sign with an RSA key of 2048 bits or more, or with ES256',
      ),
    ]
  }
  if ((key.asymmetricKeyDetails?.publicExponent ?? 65537n) < 3n) {
    return [
      error(
        path,
        'The RSA key has the public exponent 1, with which anybody can sign',
        'Have the issuer make a new key',
      ),
    ]
  }
  const size = key.symmetricKeySize ?? 0
  if (algorithm?.kind !== 'hmac') return []
  if (size === 0) return [error(path, 'The secret is empty', 'Set it to the secret that your backend signs with')]
  if (size >= algorithm.bytes) return guessable(key.export(), path, strict)
  return [
    (strict ? error : warning)(
      path,
      `The HMAC secret has ${size} bytes, and ${name} calls for ${algorithm.bytes} (RFC 7518, 3.2): whoever holds one token can try to guess it`,
      `Make one with "openssl rand -hex ${algorithm.bytes}" and set it here and in the backend that signs the tokens`,
    ),
  ]
}

const confusion = (found: Found, algorithms: readonly AlgorithmName[], path: string): Finding => {
  const names = algorithms.join(', ')
  if (found.key.type !== 'secret' && algorithms.every((name) => algorithmOf(name)?.kind === 'hmac')) {
    return error(
      path,
      `It is a public key, under an HMAC algorithm (${names}): whoever knows the public key could then sign in as anybody`,
      'Set the algorithm that the issuer signs with, such as RS256, ES256 or EdDSA',
    )
  }
  if (found.key.type === 'secret') {
    return error(
      path,
      `It is a secret, and ${names} needs a public key`,
      'Give a PEM public key, a certificate or a JSON Web Key (Set), or set the algorithm to HS256',
    )
  }
  return error(path, `A ${describe(found)} cannot verify ${names}`, 'Set the algorithm that belongs to this key')
}

/**
 * Reads key material as operators write it: an HMAC secret, a PEM public key or certificate, a JSON Web Key or Key Set
 * (as text or as an object). Every key is tied to the algorithms that suit its type.
 *
 * @param path the configuration key, for the findings
 * @param strict whether a short HMAC secret is an error; otherwise it is a warning
 */
export const parseKeys = (
  material: string | Record<string, unknown>,
  algorithms: readonly AlgorithmName[],
  path: string,
  strict: boolean,
): ParsedKeys => {
  const keys: VerificationKey[] = []
  const findings: Finding[] = []
  const all =
    material === ''
      ? [{ fault: 'it is empty', fix: 'Set it to the secret or public key that verifies your tokens' }]
      : foundIn(material)
  const faults: Fault[] = []
  let unsuitable: Finding | undefined
  for (const found of all) {
    if (isFault(found)) {
      faults.push(found)
      continue
    }
    const fitting = algorithms.filter((name) => {
      const algorithm = algorithmOf(name)
      return algorithm !== undefined && suits(found.key, algorithm) && (found.alg === undefined || found.alg === name)
    })
    const [first] = fitting
    if (first === undefined) {
      unsuitable ??= confusion(found, algorithms, path)
      continue
    }
    findings.push(
      ...strengthFindings(found, fitting.at(-1) ?? first, path, strict),
      ...(found.warnings ?? []).map(([message, fix]) => warning(path, `The key works, but ${message}`, fix)),
    )
    keys.push({ kid: found.kid, algorithms: new Set(fitting), key: found.key, description: describe(found) })
  }
  // A set may hold keys of kinds not known here (RFC 7517, section 5); they matter only when nothing else is left.
  for (const { fault, fix } of faults) {
    findings.push(
      keys.length > 0
        ? warning(path, `One key is passed over: ${fault}`, fix)
        : error(path, `The key cannot be used: ${fault}`, fix),
    )
  }
  if (keys.length === 0 && unsuitable) findings.push(unsuitable)
  return { keys, findings }
}

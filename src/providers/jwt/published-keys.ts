import { createLimiter, type Outgoing, OutgoingError } from '../../http/index.ts'
import { isObject, own, parseRemote } from '../../matrix/json.ts'
import { type AlgorithmName, algorithmOf } from './algorithms.ts'
import { parseKeys, type VerificationKey } from './keys.ts'
import type { JwtProvider, Remote } from './provider.ts'

/** A published key set as it is kept, so that it outlives outages and restarts. */
export interface KeptKeys {
  readonly json: string
  /** When it was read, in ms. */
  readonly fetched: number
}

/** What reading published keys takes. */
export interface PublishedKeysDeps {
  readonly outgoing: Outgoing
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly logger: { info(details: object, message: string): void; warn(details: object, message: string): void }
  /** Keeps the last good set. */
  readonly keep: (provider: string, source: string, kept: KeptKeys) => Promise<void>
}

/** The keys that a provider publishes. */
export interface PublishedKeys {
  readonly keys: readonly VerificationKey[]
  /** Whether the last attempt to read them failed. */
  readonly failing: boolean
  /** Resolves when the keys are as new as they have to be, or cannot be had. Never rejects. */
  ready(): Promise<void>
  /** For a token that none of the keys fits: reads them again, unless that was done too often lately. Resolves to whether others are there now. */
  again(): Promise<boolean>
  /** Calls `listener` when keys were taken back. */
  onGone(listener: (gone: readonly VerificationKey[]) => void): void
}

const most = 100
const largest = 512 * 1024
const timeoutMs = 5000
/** After a failure, how long until the next attempt. */
const retryMs = 15_000
/** How long an address of a discovery document is good. */
const discoveryMs = 3_600_000
/** What unknown keys can make us fetch, however many there are: this many at once, and then one every so often. */
const unknownKeys = { perSecond: 1 / 15, burst: 4 }

/** Where the set is read, as it stands in the configuration: a set that was read elsewhere is of no use. */
export const sourceOf = (remote: Remote): string => ('uri' in remote ? remote.uri : remote.issuer)

/** The usable keys of a set. One that is weak or cannot be read spoils no other. A secret is never one: whoever can read the set would have it. */
const keysIn = (json: string, provider: JwtProvider): VerificationKey[] => {
  const set = parseRemote(json)
  const listed = own(set, 'keys')
  if (!Array.isArray(listed)) throw new Error('It is not a JSON Web Key Set')
  const algorithms = [...provider.algorithms].filter((name: AlgorithmName) => algorithmOf(name)?.kind !== 'hmac')
  return listed
    .slice(0, most)
    .filter(isObject)
    .flatMap((jwk) => {
      const { keys, findings } = parseKeys({ keys: [jwk] }, algorithms, 'jwks', true)
      return findings.some(({ level }) => level === 'error') ? [] : keys
    })
}

const isSame = (a: VerificationKey, b: VerificationKey): boolean =>
  a.kid === b.kid &&
  a.algorithms.size === b.algorithms.size &&
  [...a.algorithms].every((name) => b.algorithms.has(name)) &&
  a.key.equals(b.key)

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** The address of the key set. What the configuration names may be in a private network; what a document names only at the same place. */
const discover = async (outgoing: Outgoing, issuer: string): Promise<{ uri: string; configured: boolean }> => {
  const reply = await outgoing(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, {
    maxBytes: largest,
    timeoutMs,
    configured: true,
    headers: { accept: 'application/json' },
  })
  if (reply.status !== 200) throw new Error(`The discovery document is answered with ${reply.status}`)
  const document = parseRemote(reply.body)
  if (own(document, 'issuer') !== issuer)
    throw new Error(`The discovery document is of another issuer: ${JSON.stringify(own(document, 'issuer'))}`)
  const uri = own(document, 'jwks_uri')
  if (typeof uri !== 'string' || !URL.canParse(uri)) throw new Error('The discovery document names no jwks_uri')
  if (new URL(issuer).protocol === 'https:' && new URL(uri).protocol !== 'https:')
    throw new Error('The discovery document names a jwks_uri without encryption')
  return { uri, configured: new URL(uri).origin === new URL(issuer).origin }
}

/**
 * Reads the keys that a provider publishes: one fetch at a time, again when they have become old or a token names one that is not
 * known, and never more often than the bounds above say. The last good set goes on to be used while none can be had.
 */
export const openPublishedKeys = (
  deps: PublishedKeysDeps,
  provider: JwtProvider,
  remote: Remote,
  kept: KeptKeys | undefined,
): PublishedKeys => {
  const { outgoing, now, logger } = deps
  const source = sourceOf(remote)
  const limiter = createLimiter({ ...unknownKeys, now, max: 1 })
  const listeners: ((gone: readonly VerificationKey[]) => void)[] = []
  let keys: readonly VerificationKey[] = kept ? keysIn(kept.json, provider) : []
  let fetched = kept?.fetched ?? -Infinity
  /** When the last attempt failed; undefined when it did not. */
  let failed: number | undefined
  let running: Promise<boolean> | undefined
  let discovered: { uri: string; configured: boolean; at: number } | undefined

  const address = async (): Promise<{ uri: string; configured: boolean }> => {
    if ('uri' in remote) return { uri: remote.uri, configured: true }
    if (!discovered || discovered.at + discoveryMs <= now())
      discovered = { ...(await discover(outgoing, remote.issuer)), at: now() }
    return discovered
  }

  const read = async (): Promise<string> => {
    const { uri, configured } = await address()
    const reply = await outgoing(uri, {
      maxBytes: largest,
      timeoutMs,
      configured,
      headers: { accept: 'application/jwk-set+json, application/json' },
    })
    if (reply.status !== 200) throw new Error(`The key set is answered with ${reply.status}`)
    return reply.body.toString('utf8')
  }

  /** Whether there are keys now that were not there before. */
  const take = (json: string): boolean => {
    const found = keysIn(json, provider)
    if (found.length === 0) throw new Error('The key set has no key that can be used')
    // A key that stays is the same object: what was verified with it is known by that.
    const next = found.map((key) => keys.find((old) => isSame(old, key)) ?? key)
    const gone = keys.filter((old) => !next.includes(old))
    const isNew = next.some((key) => !keys.includes(key))
    keys = next
    if (gone.length > 0 || isNew)
      logger.info(
        { provider: provider.id, keys: keys.map(({ description }) => description), gone: gone.length },
        'the keys of an identity provider have changed',
      )
    if (gone.length > 0) for (const listener of listeners) listener(gone)
    return isNew
  }

  const fetchOnce = async (): Promise<boolean> => {
    try {
      const json = await read()
      const isNew = take(json)
      fetched = now()
      failed = undefined
      await deps.keep(provider.id, source, { json, fetched })
      return isNew
    } catch (error) {
      failed = now()
      discovered = undefined
      const code = error instanceof OutgoingError ? error.code : undefined
      logger.warn(
        { provider: provider.id, source, code, reason: reasonOf(error), known: keys.length },
        'the keys of an identity provider cannot be read',
      )
      return false
    }
  }

  const fetch = (): Promise<boolean> => {
    running ??= fetchOnce().finally(() => {
      running = undefined
    })
    return running
  }

  return {
    get keys() {
      return keys
    },
    get failing() {
      return failed !== undefined
    },
    ready: async () => {
      if (fetched + remote.refresh > now()) return
      const wasFailing = failed !== undefined
      if (failed !== undefined && failed + retryMs > now()) return
      const attempt = fetch()
      // While the keys that are known do, nobody waits for a host that did not answer last time.
      if (!wasFailing || keys.length === 0) await attempt
    },
    again: async () => {
      if (!running && limiter.take(provider.id) > 0) return false
      return fetch()
    },
    onGone: (listener) => void listeners.push(listener),
  }
}

import { own } from '../../matrix/json.ts'
import { choose, peek } from './choose.ts'
import type { VerificationKey } from './keys.ts'
import type { JwtProvider } from './provider.ts'
import {
  type KeptKeys,
  openPublishedKeys,
  type PublishedKeys,
  type PublishedKeysDeps,
  sourceOf,
} from './published-keys.ts'
import type { RefusalCode } from './refusal.ts'
import { type Verified, verifyJwt } from './verify.ts'

/** Every provider of tokens with its keys, the published ones as they are now. */
export interface Keyring extends Disposable {
  readonly providers: readonly JwtProvider[]
  /**
   * Verifies a token with the provider whose issuer it names exactly, or else with the one that asks for no issuer: no key is ever
   * tried on another issuer's token. Undefined where there is no provider at all. Waits for keys where they have to be read.
   */
  verify(token: unknown): Promise<Verified | undefined>
  /** Calls `listener` when a provider has taken keys back. */
  onGone(listener: (provider: string, gone: readonly VerificationKey[]) => void): void
}

export interface KeyringDeps extends Omit<PublishedKeysDeps, 'keep'> {
  /** The last good sets, by provider, with where they were read. */
  readonly kept: ReadonlyMap<string, KeptKeys & { readonly source: string }>
  readonly keep: PublishedKeysDeps['keep']
}

/** How often it is looked whether keys have become old, in ms. */
const tickMs = 30_000

/** Whether another key could change the verdict. Where none is known by the token's key id, a wrong signature may be one of a new key. */
const mayBeNews = (code: RefusalCode, token: unknown, keys: readonly VerificationKey[]): boolean => {
  if (code !== 'signature_wrong')
    return code === 'kid_unknown' || code === 'key_unsuitable' || code === 'keys_unavailable'
  const kid = own(peek(token).header, 'kid')
  return kid === undefined || !keys.some((key) => key.kid === kid)
}

/** Opens the keys of all providers. Keys are read when they are first needed, and then from time to time until it is disposed of. */
export const openKeyring = (deps: KeyringDeps, providers: readonly JwtProvider[]): Keyring => {
  const published = new Map<string, PublishedKeys>()
  for (const provider of providers) {
    const { remote } = provider
    if (!remote) continue
    const kept = deps.kept.get(provider.id)
    published.set(
      provider.id,
      openPublishedKeys(deps, provider, remote, kept?.source === sourceOf(remote) ? kept : undefined),
    )
  }
  const tick =
    published.size === 0
      ? undefined
      : setInterval(() => {
          for (const keys of published.values()) void keys.ready()
        }, tickMs)
  tick?.unref()

  const verify = async (token: unknown): Promise<Verified | undefined> => {
    const provider = choose(providers, token)
    if (!provider) return undefined
    const keys = published.get(provider.id)
    if (!keys) return verifyJwt(provider, token, deps.now())
    await keys.ready()
    const attempt = (): Verified => verifyJwt(provider, token, deps.now(), [...provider.keys, ...keys.keys])
    const verified = attempt()
    if (verified.ok || !mayBeNews(verified.code, token, keys.keys)) return verified
    return (await keys.again()) ? attempt() : unavailable(verified, keys)
  }

  return {
    providers,
    verify,
    onGone: (listener) => {
      for (const [id, keys] of published) keys.onGone((gone) => listener(id, gone))
    },
    [Symbol.dispose]: () => clearInterval(tick),
  }
}

/** A key that is not known while the issuer cannot be asked may yet be a good one. */
const unavailable = (refused: Verified & { ok: false }, { failing }: PublishedKeys): Verified => {
  if (!failing || refused.code === 'keys_unavailable') return refused
  const reason = `${refused.reason}, and the issuer cannot be asked for its keys at the moment`
  return {
    ...refused,
    code: 'keys_unavailable',
    reason,
    steps: [...refused.steps.slice(0, -1), { rule: refused.failed, found: reason }],
  }
}

// The way to other servers: what they are talked to over. Nothing of federation/ is loaded where it is off.
import { federates } from '../config/index.ts'
import type { Outbound, Remotes, Wires } from '../federation/index.ts'
import type { Foundations } from './foundations.ts'
import { loadOldKeys } from './signing-key.ts'

/** The way to other servers, and what the storeys ask them for. */
export interface Abroad {
  readonly wires: Wires
  readonly remotes: Remotes
  /** Filled last of all. */
  outbound: Outbound | undefined
}

/** Opens the way to other servers; undefined where this one talks to none. */
export async function openAbroad(stack: AsyncDisposableStack, ground: Foundations): Promise<Abroad | undefined> {
  const { config, signingKey, randomBytes } = ground
  if (!federates(config)) return undefined
  const { openRemotes, openWires } = await import('../federation/index.ts')
  const wires = stack.use(
    await openWires({
      ...ground,
      config: config.federation,
      own: { signingKey, old: loadOldKeys(config, signingKey) },
      chance: () => (randomBytes(1)[0] ?? 0) / 255,
    }),
  )
  const post = (): Outbound => {
    if (!abroad.outbound) throw new Error('Nothing is sent to other servers before everything is open')
    return abroad.outbound
  }
  const abroad: Abroad = { wires, remotes: openRemotes(wires, { ...ground, post }), outbound: undefined }
  return abroad
}

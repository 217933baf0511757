// The way to other servers: what they are talked to over. Nothing of federation/ is loaded where it is off.
import { federates } from '../config/index.ts'
import type { Remotes, Wires } from '../federation/index.ts'
import type { Foundations } from './foundations.ts'
import { loadOldKeys } from './signing-key.ts'

/** The way to other servers, and what the storeys ask them for. */
export interface Abroad {
  readonly wires: Wires
  readonly remotes: Remotes
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
  return { wires, remotes: openRemotes(wires, ground) }
}

// The way to other servers: what they are talked to over. Nothing of federation/ is loaded where it is off.
import { federates } from '../config/index.ts'
import type { ElsewhereDeps, InviteDeps, Outbound, RemoteJoins, Remotes, Wires } from '../federation/index.ts'
import type { Receiver } from '../events/index.ts'
import { serverOf } from '../matrix/ids.ts'
import type { RemoteRooms } from '../rooms/index.ts'
import type { Foundations } from './foundations.ts'
import { loadOldKeys } from './signing-key.ts'

/** The way to other servers, and what the storeys ask them for. */
export interface Abroad {
  readonly wires: Wires
  readonly remotes: Remotes
  /** Filled last of all. */
  outbound: Outbound | undefined
  joins: RemoteJoins | undefined
  receiver: Receiver | undefined
  invites: InviteDeps | undefined
  elsewhere: ElsewhereDeps | undefined
}

function open<T>(part: T | undefined): T {
  if (part === undefined) throw new Error('Nobody asks other servers before everything is open')
  return part
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
  const abroad: Abroad = {
    wires,
    remotes: openRemotes(wires, { ...ground, post: () => open(abroad.outbound) }),
    outbound: undefined,
    joins: undefined,
    receiver: undefined,
    invites: undefined,
    elsewhere: undefined,
  }
  return abroad
}

/** Fills the port of rooms/. */
export const remoteRooms = (abroad: Abroad): RemoteRooms => ({
  isHere: async (room) => (await abroad.receiver?.hasLocalMembers(room)) ?? true,
  join: async (wish) => {
    const { candidates } = await import('../federation/index.ts')
    return open(abroad.joins).join({ ...wish, servers: candidates(abroad.wires.serverName, wish.servers, wish.roomId) })
  },
  invite: async (room, sender, target, content) => {
    const { inviteElsewhere } = await import('../federation/index.ts')
    await inviteElsewhere(open(abroad.invites), room, sender, target, content)
  },
  knock: async (wish) => {
    const { candidates, knockElsewhere } = await import('../federation/index.ts')
    const servers = candidates(abroad.wires.serverName, wish.servers, wish.roomId)
    await knockElsewhere(open(abroad.elsewhere), { ...wish, servers })
  },
  leave: async (room, standing, wish) => {
    const { candidates, leaveElsewhere } = await import('../federation/index.ts')
    const servers = candidates(abroad.wires.serverName, wish.servers, room.id)
    await leaveElsewhere(open(abroad.elsewhere), room, standing, { ...wish, servers })
  },
  alias: async (alias) =>
    serverOf(alias) === abroad.wires.serverName ? undefined : abroad.remotes.directory.alias(alias),
})

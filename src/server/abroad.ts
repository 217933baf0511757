// The way to other servers: what they are talked to over. Nothing of federation/ is loaded where it is off.
import type { Destinations } from '../admin/index.ts'
import { federates } from '../config/index.ts'
import type {
  ElsewhereDeps,
  InviteDeps,
  Outbound,
  RemoteJoins,
  Remotes,
  RoomServers,
  Wires,
} from '../federation/index.ts'
import type { Receiver } from '../events/index.ts'
import { serverOf } from '../matrix/ids.ts'
import type { RemoteHistory } from '../history/index.ts'
import type { RemoteRooms } from '../rooms/index.ts'
import type { Foundations } from './foundations.ts'
import { loadOldKeys } from './signing-key.ts'

/** The way to other servers, and what the storeys ask them for. */
export interface Abroad {
  readonly wires: Wires
  readonly remotes: Remotes
  /** Filled last of all. */
  parts: AbroadParts | undefined
}

/** What is opened above the rooms. */
export interface AbroadParts {
  readonly outbound: Outbound
  readonly joins: RemoteJoins
  readonly receiver: Receiver
  readonly invites: InviteDeps
  readonly elsewhere: ElsewhereDeps
  readonly roomServers: RoomServers
}

function partsOf({ parts }: Abroad): AbroadParts {
  if (!parts) throw new Error('Nobody asks other servers before everything is open')
  return parts
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
    remotes: openRemotes(wires, { ...ground, post: () => partsOf(abroad).outbound }),
    parts: undefined,
  }
  return abroad
}

/** Servers that are asked for the past of a room, those with the most members first. */
const mostAsked = 3

/** Fills the port of history/. */
export const remoteHistory = (abroad: Abroad): RemoteHistory => ({
  older: async (room) => {
    const { receiver, roomServers } = partsOf(abroad)
    if (!(await receiver.hasLocalMembers(room))) return 'none'
    const servers = [...(await roomServers.of(room.nid))].toSorted(([, a], [, b]) => b.size - a.size)
    if (servers.length === 0) return 'none'
    return receiver.bringOlder(
      room,
      servers.slice(0, mostAsked).map(([server]) => server),
    )
  },
})

/** Fills the port of admin/. */
export const destinationsOf = (abroad: Abroad): Destinations => {
  const { reach } = abroad.wires
  return {
    lastFailure: (server) => reach.lastFailure(server),
    waiting: (server) => abroad.parts?.outbound?.destinations.get(server)?.waiting ?? { events: 0, edus: 0 },
    reset: (server) => {
      if (reach.of(server).failures === 0) return false
      reach.answered(server)
      return true
    },
  }
}

/** Fills the port of rooms/. */
export const remoteRooms = (abroad: Abroad): RemoteRooms => ({
  isHere: async (room) => {
    // Nobody else is in a room that everybody has left: who has its state goes on with it.
    if (room.joined.size === 0 && room.extremities.length > 0) return true
    return (await abroad.parts?.receiver.hasLocalMembers(room)) ?? true
  },
  join: async (wish) => {
    const { candidates } = await import('../federation/index.ts')
    return partsOf(abroad).joins.join({
      ...wish,
      servers: candidates(abroad.wires.serverName, wish.servers, wish.roomId),
    })
  },
  invite: async (room, sender, target, content) => {
    const { inviteElsewhere } = await import('../federation/index.ts')
    return inviteElsewhere(partsOf(abroad).invites, room, sender, target, content)
  },
  knock: async (wish) => {
    const { candidates, knockElsewhere } = await import('../federation/index.ts')
    const servers = candidates(abroad.wires.serverName, wish.servers, wish.roomId)
    await knockElsewhere(partsOf(abroad).elsewhere, { ...wish, servers })
  },
  leave: async (room, standing, wish) => {
    const { candidates, leaveElsewhere } = await import('../federation/index.ts')
    const servers = candidates(abroad.wires.serverName, wish.servers, room.id)
    await leaveElsewhere(partsOf(abroad).elsewhere, room, standing, { ...wish, servers })
  },
  alias: async (alias) =>
    serverOf(alias) === abroad.wires.serverName ? undefined : abroad.remotes.directory.alias(alias),
})

// The way to other servers: what they are talked to over. Nothing of federation/ is loaded where it is off.
import { federates } from '../config/index.ts'
import type { InviteDeps, Outbound, RemoteJoins, Remotes, Wires } from '../federation/index.ts'
import type { Receiver } from '../events/index.ts'
import { isRoomId } from '../matrix/ids.ts'
import { own } from '../matrix/json.ts'
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
  const abroad: Abroad = {
    wires,
    remotes: openRemotes(wires, { ...ground, post }),
    outbound: undefined,
    joins: undefined,
    receiver: undefined,
    invites: undefined,
  }
  return abroad
}

/** Fills the port of rooms/. */
export const remoteRooms = (abroad: Abroad): RemoteRooms => ({
  isHere: async (room) => (await abroad.receiver?.hasLocalMembers(room)) ?? true,
  join: async (wish) => {
    const { candidates } = await import('../federation/index.ts')
    if (!abroad.joins) throw new Error('Nobody joins a room elsewhere before everything is open')
    return abroad.joins.join({ ...wish, servers: candidates(abroad.wires.serverName, wish.servers, wish.roomId) })
  },
  invite: async (room, sender, target, content) => {
    const { inviteElsewhere } = await import('../federation/index.ts')
    if (!abroad.invites) throw new Error('Nobody is invited elsewhere before everything is open')
    await inviteElsewhere(abroad.invites, room, sender, target, content)
  },
  leave: async (room, userId, servers, content) => {
    const { candidates, leaveElsewhere } = await import('../federation/index.ts')
    if (!abroad.invites) throw new Error('Nobody leaves a room elsewhere before everything is open')
    const asked = candidates(abroad.wires.serverName, servers, room.id)
    await leaveElsewhere(abroad.invites, room, userId, asked, content)
  },
  alias: async (alias) => {
    const { asClientError } = await import('../federation/index.ts')
    const server = alias.slice(alias.indexOf(':') + 1)
    if (server === abroad.wires.serverName) return undefined
    try {
      const answer = await abroad.wires.client.ask(server, {
        path: '/_matrix/federation/v1/query/directory',
        query: { room_alias: alias },
      })
      const [roomId, servers] = [own(answer, 'room_id'), own(answer, 'servers')]
      if (!isRoomId(roomId)) return undefined
      const named = Array.isArray(servers) ? servers.filter((one): one is string => typeof one === 'string') : []
      return { roomId, servers: [server, ...named] }
    } catch (error) {
      throw asClientError(error)
    }
  },
})

import type { DeviceListNews } from '../../devices/index.ts'
import type { ReceiptNews } from '../../ephemeral/index.ts'
import { membershipIn, standings, type StoredEvent } from '../../events/index.ts'
import { isLocalUser, serverOf } from '../../matrix/ids.ts'
import type { Entry } from '../../streams/index.ts'
import type { OutboundDeps } from './deps.ts'
import type { Destination } from './destination.ts'

/** Finds the one that stands for a server; undefined for one that is not talked to. */
export type FindDestination = (server: string) => Destination | undefined

/** Hands news of the log to the servers that they are for. */
export interface News {
  /** Without a promise where nothing has to be looked up. */
  take(entry: Pick<Entry, 'kind' | 'room' | 'user' | 'data' | 'position'>): void | Promise<void>
  /** Tells everybody who shares a room with a user of ours that the devices changed. */
  devices(user: number): Promise<void>
}

export function openNews(deps: OutboundDeps, find: FindDestination): News {
  const { rooms, users, roomServers, serverName } = deps
  /** Of each room, who here was said to be typing. */
  const typists = new Map<number, ReadonlySet<string>>()

  /** Who was put out, or is not wanted any more, is told of it although they are in the room no longer. */
  const targetOf = async ({ event, replaces }: StoredEvent): Promise<string | undefined> => {
    if (event.type !== 'm.room.member' || event.stateKey === undefined || isLocalUser(event.stateKey, serverName))
      return undefined
    const membership = membershipIn(event)
    if ((membership !== 'leave' && membership !== 'ban') || replaces === null) return undefined
    const before = await rooms.events.get(replaces)
    return before && membershipIn(before.event) !== 'leave' ? serverOf(event.stateKey) : undefined
  }

  const takeEvent = async (stored: StoredEvent): Promise<void> => {
    const servers = new Set((await roomServers.of(stored.room)).keys())
    const target = await targetOf(stored)
    if (target !== undefined) servers.add(target)
    for (const server of servers) find(server)?.event({ nid: stored.nid, room: stored.room, position: stored.position })
  }

  const serversOf = async (nid: number): Promise<readonly string[]> => [...(await roomServers.of(nid)).keys()]

  const takeTyping = async (nid: number): Promise<void> => {
    const servers = await serversOf(nid)
    if (servers.length === 0) return
    const room = await rooms.byNid(nid)
    if (!room) return
    const before = typists.get(nid) ?? new Set<string>()
    const after = new Set(deps.typing.in(nid).filter((userId) => isLocalUser(userId, serverName)))
    if (after.size === 0) typists.delete(nid)
    else typists.set(nid, after)
    for (const server of servers) {
      for (const userId of after) if (!before.has(userId)) find(server)?.typing(room.id, userId, true)
      for (const userId of before) if (!after.has(userId)) find(server)?.typing(room.id, userId, false)
    }
  }

  const takeReceipt = async (nid: number, user: number, news: ReceiptNews): Promise<void> => {
    const servers = await serversOf(nid)
    if (news.type !== 'm.read' || servers.length === 0) return
    const [room, userId] = [await rooms.byNid(nid), await users.nameOf(user)]
    if (!room || !isLocalUser(userId, serverName)) return
    const { eventId, thread, ts } = news
    for (const server of servers) find(server)?.receipt({ roomId: room.id, userId, eventId, thread, ts })
  }

  const devices = async (user: number): Promise<void> => {
    if (!isLocalUser(await users.nameOf(user), serverName)) return
    const servers = new Set<string>()
    for (const [room, { membership }] of await rooms.of(user))
      if (membership === 'join') for (const server of await serversOf(room)) servers.add(server)
    for (const server of servers) find(server)?.devices(user)
  }

  return {
    devices,
    take: ({ kind, room, user, data }) => {
      switch (kind) {
        case 'event': {
          const stored = data as StoredEvent // entries of this kind carry it
          if (stored.standing !== standings.accepted || !isLocalUser(stored.event.sender, serverName)) return undefined
          const servers = roomServers.of(stored.room)
          // The common case: a room that is nobody else's costs no more than this.
          const isPlain = !(servers instanceof Promise) && servers.size === 0 && stored.event.type !== 'm.room.member'
          return isPlain ? undefined : takeEvent(stored)
        }
        case 'typing':
          return room === undefined ? undefined : takeTyping(room)
        case 'receipt':
          return room === undefined || user === undefined ? undefined : takeReceipt(room, user, data as ReceiptNews) // ephemeral/ put it there
        case 'device_list':
          return user === undefined || (data as DeviceListNews | undefined)?.signed ? undefined : devices(user) // devices/ put it there
        default:
          return undefined
      }
    },
  }
}

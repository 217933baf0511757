import { serverOf } from '../../matrix/ids.ts'

/** Servers that are asked, one after the other, to let somebody in. */
const most = 10

/** The servers to ask about a room, the likeliest first: those that the client names, who invited, and who made the room. */
export function candidates(serverName: string, named: readonly string[], roomId: string, inviter?: string): string[] {
  const maker = roomId.includes(':') ? [serverOf(roomId)] : []
  const all = [...named, ...(inviter === undefined ? [] : [serverOf(inviter)]), ...maker]
  return [...new Set(all)].filter((server) => server !== serverName && server !== '').slice(0, most)
}

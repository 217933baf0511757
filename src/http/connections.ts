import type { Socket } from 'node:net'
import { clientNetwork, plainAddress } from './address.ts'

export interface ConnectionLimits {
  /** Connections at once, over all that is listened on. */
  readonly all: number
  /** Whether connections from this address are many people's: a proxy's, or this machine's own. */
  readonly isShared: (address: string) => boolean
}

/** What part of all connections one address may have. */
const shareOfOne = 4

const refusal = JSON.stringify({ errcode: 'M_LIMIT_EXCEEDED', error: 'Too many connections, wait a while' })
const answer =
  'HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\naccess-control-allow-origin: *\r\nretry-after: 10\r\n' +
  `content-length: ${refusal.length}\r\nconnection: close\r\n\r\n${refusal}`

/** Counts connections, and turns those away that are too many, in all or for one address. */
export interface Gatekeeper {
  /** Whether the connection may stay. */
  readonly admit: (socket: Socket) => boolean
  /** Connections that are open. */
  readonly open: number
}

export function createGatekeeper({ all, isShared }: ConnectionLimits): Gatekeeper {
  const each = Math.max(1, Math.floor(all / shareOfOne))
  const byNetwork = new Map<string, number>()
  let total = 0
  const admit = (socket: Socket): boolean => {
    const address = plainAddress(socket.remoteAddress ?? '')
    const network = isShared(address) ? undefined : clientNetwork(address)
    const ofNetwork = network === undefined ? 0 : (byNetwork.get(network) ?? 0)
    if (total >= all || ofNetwork >= each) {
      socket.end(answer, () => socket.destroy())
      return false
    }
    total += 1
    if (network !== undefined) byNetwork.set(network, ofNetwork + 1)
    socket.once('close', () => {
      total -= 1
      if (network === undefined) return
      const left = (byNetwork.get(network) ?? 1) - 1
      if (left > 0) byNetwork.set(network, left)
      else byNetwork.delete(network)
    })
    return true
  }
  return {
    admit,
    get open() {
      return total
    },
  }
}

import type { Outgoing } from '../../http/index.ts'
import type { Memory } from '../../storage/index.ts'
import { splitName, type NameParts } from './name.ts'
import { askSrv, type ResolveSrv } from './srv.ts'
import { askWellKnown, type Delegation } from './well-known.ts'

/** Where a server is, and under which name its certificate must be. */
export interface Place {
  /** `https://` and the host that the certificate is for, with a port where the name has one. */
  readonly base: string
  /** The `Host` header. */
  readonly host: string
  /** Where to connect; undefined: where `base` says. */
  readonly via: { readonly host: string; readonly port: number } | undefined
}

export interface DiscoveryDeps {
  readonly memory: Memory
  readonly outgoing: Outgoing
  readonly resolveSrv: ResolveSrv
  /** `host:port` of servers by their names, from the settings. */
  readonly hosts: Readonly<Record<string, unknown>>
  readonly now: () => number
  readonly chance: () => number
}

/** Finds servers by their names. */
export interface Discovery {
  /** Undefined when the name is none. */
  find(server: string): Promise<Place | undefined>
  /** It is not there any more: it is looked for anew. */
  forget(server: string): void
}

const defaultPort = 8448
/** So long a result without a time of its own is kept. */
const keepMs = 10 * 60_000

const literalBase = (host: string): string => `https://${host.includes(':') ? `[${host}]` : host}`

/** Steps 1 and 2, and 3.1 and 3.2: a name that says where it is by itself. */
function plainPlace(name: string, { host, port, isLiteral }: NameParts): Place | undefined {
  if (isLiteral) return { base: `${literalBase(host)}:${port ?? defaultPort}`, host: name, via: undefined }
  return port === undefined ? undefined : { base: `https://${host}:${port}`, host: name, via: undefined }
}

/**
 * Finds servers by the steps of the specification; what is found is kept for its time.
 * @see https://spec.matrix.org/v1.19/server-server-api/#resolving-server-names
 */
export function openDiscovery(deps: DiscoveryDeps): Discovery {
  const { outgoing, now } = deps
  const delegations = deps.memory.cache<string, { name: string | undefined; until: number }>({
    name: 'delegations of servers',
    weigh: (_, host) => 4 * host.length,
  })
  const places = deps.memory.cache<string, { place: Place; until: number }>({
    name: 'places of servers',
    weigh: ({ place }) => 8 * place.base.length,
  })
  const underWay = new Map<string, Promise<Place | undefined>>()

  const delegated = async (host: string): Promise<Pick<Delegation, 'name'>> => {
    const known = delegations.get(host)
    if (known && known.until > now()) return known
    const { name, keepMs: keep } = await askWellKnown(outgoing, host)
    // A domain that has delegated its server does not take that back because its web site is down for a while.
    const held = name ?? known?.name
    delegations.set(host, { name: held, until: now() + keep })
    return { name: held }
  }

  /** Steps 4 and 5, and 3.3 to 3.5: by SRV records, or at the usual port. */
  const byName = async (host: string): Promise<Place> => ({
    base: `https://${host}`,
    host,
    via: (await askSrv(deps.resolveSrv, host, deps.chance())) ?? { host, port: defaultPort },
  })

  const look = async (server: string): Promise<Place | undefined> => {
    const parts = splitName(server)
    if (!parts) return undefined
    const set = Object.hasOwn(deps.hosts, server) ? splitName(deps.hosts[server]) : undefined
    if (set && !parts.isLiteral)
      return {
        base: `https://${parts.host}${parts.port === undefined ? '' : `:${parts.port}`}`,
        host: server,
        via: { host: set.host, port: set.port ?? defaultPort },
      }
    const plain = plainPlace(server, parts)
    if (plain) return plain
    const { name } = await delegated(parts.host)
    const target = splitName(name)
    if (name === undefined || !target) return byName(parts.host)
    return plainPlace(name, target) ?? byName(target.host)
  }

  const find = async (server: string): Promise<Place | undefined> => {
    const place = await look(server)
    if (place) places.set(server, { place, until: now() + keepMs })
    return place
  }

  return {
    find: async (server) => {
      const known = places.get(server)
      if (known && known.until > now()) return known.place
      const running = underWay.get(server)
      if (running) return running
      const fresh = find(server).finally(() => underWay.delete(server))
      underWay.set(server, fresh)
      return fresh
    },
    forget: (server) => void places.delete(server),
  }
}

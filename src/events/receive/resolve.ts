import type { Pdu } from '../../matrix/pdu.ts'
import type { RoomVersion } from '../../matrix/room-version.ts'
import { stateMapKey } from '../../matrix/state-res/index.ts'
import { mustRest, rest } from '../../storage/index.ts'
import { flatten, type Derived } from '../state-sets.ts'
import { standings, type StoredEvent } from '../stored-event.ts'
import type { ReceiveDeps } from './deps.ts'
import type { Resolver } from './resolver.ts'
import { isSame, type Chain } from './states.ts'

/** Events that one resolution may look at. */
const mostEvents = 50_000
/** Rounds in which it may ask for more of them. */
const mostRounds = 50

/** Places that the auth rules look at, whoever sent the event. */
const alwaysLooked = new Set(['m.room.create', 'm.room.power_levels', 'm.room.join_rules', 'm.room.third_party_invite'])

/**
 * One state of several. Only what they do not agree on is resolved: of the rest, what the auth rules may look at goes along.
 * @see https://spec.matrix.org/v1.19/rooms/v12/#state-resolution
 */
export async function resolveStates(
  deps: ReceiveDeps,
  resolver: Resolver,
  version: RoomVersion,
  chains: readonly Chain[],
): Promise<Derived> {
  const different: Chain[] = []
  for (const chain of chains) if (!different.some((other) => isSame(other, chain))) different.push(chain)
  const [first = []] = different
  if (different.length < 2) return { chain: first, fresh: [] }
  const begun = performance.now()
  const maps: Map<number, number>[] = []
  for (const chain of different) {
    if (mustRest()) await rest()
    maps.push(flatten(chain))
  }
  const conflicted = keysInConflict(maps)
  const names = await namesOf(deps, maps, conflicted)
  const gathered = await openGathering(deps)
  await gathered.take([...conflicted].flatMap((key) => maps.flatMap((map) => map.get(key) ?? [])))
  const state = await resolveWith(resolver, version, { maps, conflicted, names, gathered })

  deps.onResolved?.(performance.now() - begun)
  const changes = new Map<number, number>()
  for (const key of conflicted) {
    const id = state.get(textOf(names, key))
    changes.set(key, id === undefined ? 0 : (gathered.nidOf(id) ?? 0))
  }
  return deps.stateSets.derive(first, changes)
}

type Names = ReadonlyMap<number, { readonly type: string; readonly stateKey: string }>
type Maps = ReadonlyArray<ReadonlyMap<number, number>>

function keysInConflict(maps: Maps): Set<number> {
  const conflicted = new Set<number>()
  for (const map of maps)
    for (const [key, event] of map) if (maps.some((other) => other.get(key) !== event)) conflicted.add(key)
  return conflicted
}

const namesOf = (deps: ReceiveDeps, maps: Maps, conflicted: ReadonlySet<number>): Promise<Names> =>
  deps.stateKeys.names([...new Set([...(maps[0]?.keys() ?? []), ...conflicted])])

const textOf = (names: Names, key: number): string => {
  const name = names.get(key)
  return stateMapKey(name?.type ?? '', name?.stateKey ?? '')
}

/** Events that a resolution knows, with all that they rest on. */
interface Gathering {
  readonly events: Map<string, Pdu>
  readonly rejected: Set<string>
  readonly unknown: Set<string>
  /** Users whose membership the auth rules may look at. */
  readonly users: Set<string>
  nidOf(id: string): number | undefined
  idOf(nid: number): string | undefined
  /** Brings events and their auth chains. */
  take(nids: readonly number[]): Promise<void>
  takeById(id: string): Promise<void>
  /** Brings events alone. */
  name(nids: readonly number[]): Promise<void>
}

async function openGathering(deps: ReceiveDeps): Promise<Gathering> {
  const events = new Map<string, Pdu>()
  const [rejected, unknown, users] = [new Set<string>(), new Set<string>(), new Set<string>()]
  const nids = new Map<string, number>()
  const ids = new Map<number, string>()
  const note = ({ event, nid, standing }: StoredEvent): void => {
    nids.set(event.id, nid)
    ids.set(nid, event.id)
    events.set(event.id, event.pdu)
    if (standing === standings.rejected) rejected.add(event.id)
    users.add(event.sender)
    if (event.type === 'm.room.member' && event.stateKey !== undefined) users.add(event.stateKey)
    const vouching = event.content['join_authorised_via_users_server']
    if (typeof vouching === 'string') users.add(vouching)
    if (events.size > mostEvents) throw new Error(`A state rests on more than ${mostEvents} events`)
  }
  const chainsOf = async (first: readonly StoredEvent[]): Promise<void> => {
    let open = first.filter(({ event }) => !events.has(event.id))
    while (open.length > 0) {
      if (mustRest()) await rest()
      for (const stored of open) note(stored)
      const next = [...new Set(open.flatMap(({ event }) => event.authEvents))].filter(
        (id) => !events.has(id) && !unknown.has(id),
      )
      const found = await deps.events.byIds(next)
      for (const id of next) if (!found.has(id)) unknown.add(id)
      open = [...found.values()]
    }
  }
  return {
    events,
    rejected,
    unknown,
    users,
    nidOf: (id) => nids.get(id),
    idOf: (nid) => ids.get(nid),
    take: async (wanted) => chainsOf(await deps.events.many(wanted)),
    takeById: async (id) => {
      const stored = await deps.events.byId(id)
      if (stored) await chainsOf([stored])
      else unknown.add(id)
    },
    name: async (wanted) => {
      for (const { nid, event } of await deps.events.many(wanted.filter((nid) => !ids.has(nid)))) {
        nids.set(event.id, nid)
        ids.set(nid, event.id)
      }
    },
  }
}

async function resolveWith(
  resolver: Resolver,
  version: RoomVersion,
  work: { maps: Maps; conflicted: ReadonlySet<number>; names: Names; gathered: Gathering },
): Promise<ReadonlyMap<string, string>> {
  const { maps, conflicted, names, gathered } = work
  for (let round = 0; round < mostRounds; round++) {
    const wanted = [...names].flatMap(([key, { type, stateKey }]) =>
      conflicted.has(key) || alwaysLooked.has(type) || (type === 'm.room.member' && gathered.users.has(stateKey))
        ? [key]
        : [],
    )
    await gathered.name(wanted.flatMap((key) => maps.flatMap((map) => map.get(key) ?? [])))
    const states = maps.map((map) => {
      const state = new Map<string, string>()
      for (const key of wanted) {
        const id = gathered.idOf(map.get(key) ?? 0)
        if (id !== undefined) state.set(textOf(names, key), id)
      }
      return state
    })
    const found = await resolver.ask({
      version: version.id,
      states,
      events: gathered.events,
      rejected: gathered.rejected,
      unknown: gathered.unknown,
    })
    if ('missing' in found) await gathered.takeById(found.missing)
    else return found.state
  }
  throw new Error('A state could not be resolved: it asks for ever more events')
}

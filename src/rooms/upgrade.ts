import { MatrixError } from '../matrix/errors.ts'
import { isUserId } from '../matrix/ids.ts'
import { own, type JsonObject } from '../matrix/json.ts'
import { findRoomVersion, type RoomVersion } from '../matrix/room-version.ts'
import { createRoom, type CreateDeps, type RoomWish } from './create.ts'
import type { Aliases } from './deps.ts'
import { maySetState, powerLevelsOf } from './membership.ts'
import type { Draft, Room, Rooms } from '../events/index.ts'
import { bansFor, levelsForSuccessor, levelsOfSuperseded, stateForSuccessor } from './upgrade-state.ts'

export interface UpgradeDeps extends CreateDeps {
  readonly aliases: Aliases
}

export interface UpgradeWish {
  readonly version: string
  /** Who besides the upgrader is to have made the new room, where its version knows of such. */
  readonly additionalCreators: readonly string[]
}

type Who = Draft['sender']

const mostCreators = 100

/**
 * Makes a room that takes the place of another, and closes that one: tombstone, aliases, directory entry, power levels. Members
 * are not moved; they follow the tombstone.
 * @throws {MatrixError} M_UNSUPPORTED_ROOM_VERSION; M_FORBIDDEN without the power to send a tombstone; M_INVALID_PARAM
 * @see https://spec.matrix.org/v1.19/client-server-api/#room-upgrades
 */
export async function upgradeRoom(deps: UpgradeDeps, who: Who, from: Room, wish: UpgradeWish): Promise<Room> {
  const version = findRoomVersion(wish.version)
  if (!version)
    throw new MatrixError('M_UNSUPPORTED_ROOM_VERSION', `This server does not know room version "${wish.version}"`)
  const creators = version.privilegedCreators ? wish.additionalCreators.filter((userId) => userId !== who.userId) : []
  if (creators.length > mostCreators)
    throw new MatrixError('M_INVALID_PARAM', `A room has at most ${mostCreators} additional creators`)
  for (const userId of creators)
    if (!isUserId(userId))
      throw new MatrixError('M_INVALID_PARAM', `"${userId}" in additional_creators is not a user id`)
  if (!(await maySetState(deps.rooms, from, who.userId, 'm.room.tombstone'))) {
    throw new MatrixError('M_FORBIDDEN', 'You need the power to send m.room.tombstone in a room to upgrade it')
  }
  const names = await movableNames(deps, from, who)
  const to = await createRoom(deps, who, await successorWish(deps, who, from, version, creators, names))
  await deps.rooms.append(from, [
    {
      type: 'm.room.tombstone',
      stateKey: '',
      sender: who,
      content: { body: 'This room has been replaced', replacement_room: to.id },
    },
  ])
  const old = (await deps.rooms.byNid(from.nid)) ?? from
  await deps.aliases.move(old, to, who.nid)
  await closeRoom(deps.rooms, who, old, names !== undefined)
  return to
}

async function successorWish(
  deps: UpgradeDeps,
  who: Who,
  from: Room,
  version: RoomVersion,
  creators: readonly string[],
  names: JsonObject | undefined,
): Promise<RoomWish> {
  const { rooms } = deps
  const create = await rooms.stateEvent(from, 'm.room.create', '')
  const federate = own(create?.event.content, 'm.federate')
  const type = own(create?.event.content, 'type')
  const last = from.extremities[0]
  const levels = await levelsForSuccessor(rooms, from, version, who.userId, creators)
  return {
    version: version.id,
    creationContent: {
      ...(typeof type === 'string' && { type }),
      ...(typeof federate === 'boolean' && { 'm.federate': federate }),
      ...(creators.length > 0 && { additional_creators: [...creators] }),
      predecessor: { room_id: from.id, ...(last && { event_id: last.id }) },
    },
    powerLevels: levels.first,
    initialState: [
      ...(await stateForSuccessor(rooms, from, version)),
      ...(names ? [{ type: 'm.room.canonical_alias', content: names }] : []),
      ...(await bansFor(rooms, from, levels.mayBan)),
      // Last of all: whoever makes the room may have less power in it from here on.
      ...(levels.final ? [{ type: 'm.room.power_levels', content: levels.final }] : []),
    ],
  }
}

/** The content of the room's canonical alias event, reduced to aliases of this server that will move along. Undefined: none. */
async function movableNames({ rooms, aliases }: UpgradeDeps, from: Room, who: Who): Promise<JsonObject | undefined> {
  const content = (await rooms.stateEvent(from, 'm.room.canonical_alias', ''))?.event.content
  if (!content || !(await maySetState(rooms, from, who.userId, 'm.room.canonical_alias'))) return undefined
  const leadsHere = async (alias: unknown): Promise<boolean> =>
    typeof alias === 'string' && (await aliases.resolve(alias)) === from.nid
  const alias = own(content, 'alias')
  const others = own(content, 'alt_aliases')
  const kept = []
  for (const other of Array.isArray(others) ? others : []) if (await leadsHere(other)) kept.push(other)
  const names: JsonObject = {
    ...(alias !== undefined && (await leadsHere(alias)) && { alias }),
    ...(kept.length > 0 && { alt_aliases: kept }),
  }
  return Object.keys(names).length > 0 ? names : undefined
}

/** Takes from a room what has gone to its successor, and what is possible of the power to speak in it. */
async function closeRoom(rooms: Rooms, who: Who, room: Room, nameless: boolean): Promise<void> {
  if (nameless)
    await ifAllowed(rooms.append(room, [{ type: 'm.room.canonical_alias', stateKey: '', sender: who, content: {} }]))
  const before = (await rooms.stateEvent(room, 'm.room.power_levels', ''))?.event.content
  const closed = levelsOfSuperseded(before, await powerLevelsOf(rooms, room))
  if (closed)
    await ifAllowed(rooms.append(room, [{ type: 'm.room.power_levels', stateKey: '', sender: who, content: closed }]))
}

/** The upgrade is done without it: a tombstone may be sent by who may do nothing else. */
async function ifAllowed(change: Promise<unknown>): Promise<void> {
  try {
    await change
  } catch (error) {
    if (!(error instanceof MatrixError)) throw error
  }
}

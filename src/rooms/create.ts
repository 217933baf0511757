import { MatrixError } from '../matrix/errors.ts'
import { isLocalUser } from '../matrix/ids.ts'
import { isObject, own, type JsonObject } from '../matrix/json.ts'
import { defaultRoomVersion, findRoomVersion, type RoomVersion } from '../matrix/room-version.ts'
import type { Users } from '../users/index.ts'
import type { Blocks } from './blocks.ts'
import { mustTakeInvites } from './invite-permission.ts'
import { mustBeReachable } from './membership.ts'
import type { RemoteRooms } from './deps.ts'
import type { Profiles } from './profile.ts'
import type { Draft, Room, Rooms } from '../events/index.ts'

export type Preset = 'private_chat' | 'public_chat' | 'trusted_private_chat'

/** What a client asks for; see the specification for each. */
export interface RoomWish {
  readonly version?: string
  readonly preset?: Preset
  readonly visibility?: 'public' | 'private'
  readonly name?: string
  readonly topic?: string
  readonly invite?: readonly string[]
  readonly isDirect?: boolean
  readonly initialState?: ReadonlyArray<{ type: string; state_key?: string; content: JsonObject }>
  readonly creationContent?: JsonObject
  readonly powerLevels?: JsonObject
  /** Full alias, already checked to be free and ours. */
  readonly alias?: string
}

export interface CreateDeps {
  readonly rooms: Rooms
  readonly users: Users
  readonly profiles: Profiles
  readonly serverName: string
  /** Absent: there are no other servers. */
  readonly remote?: RemoteRooms | undefined
  /** Absent: no room is blocked. */
  readonly blocks?: Pick<Blocks, 'mustBeOpen'>
  readonly defaultRoomVersion?: string
  /** Told of what a wish asks for in vain. A pino logger is one. */
  readonly logger?: { warn(details: object, message: string): void }
}

type Who = Draft['sender']

/** Events that are made in one turn of the event loop. */
const atOnce = 100

const presets: Record<Preset, { joinRule: string; historyVisibility: string; guestAccess: string }> = {
  private_chat: { joinRule: 'invite', historyVisibility: 'shared', guestAccess: 'can_join' },
  trusted_private_chat: { joinRule: 'invite', historyVisibility: 'shared', guestAccess: 'can_join' },
  public_chat: { joinRule: 'public', historyVisibility: 'shared', guestAccess: 'forbidden' },
}

/**
 * Makes a room: its first events, as one change. Whatever is beyond a usual room, such as a thousand bans or children, comes in parts, so
 * that nobody else waits for all of it.
 * @throws {MatrixError} M_UNSUPPORTED_ROOM_VERSION; M_INVALID_ROOM_STATE when the wish contradicts the auth rules; M_BAD_JSON.
 * @see https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3createroom
 */
export async function createRoom(deps: CreateDeps, creator: Who, wish: RoomWish): Promise<Room> {
  const version = findRoomVersion(wish.version ?? deps.defaultRoomVersion ?? defaultRoomVersion)
  if (!version)
    throw new MatrixError('M_UNSUPPORTED_ROOM_VERSION', `This server does not know room version "${wish.version}"`)
  const preset = wish.preset ?? (wish.visibility === 'public' ? 'public_chat' : 'private_chat')
  const invited = [...new Set(wish.invite)].filter((userId) => userId !== creator.userId)
  const isHere = (userId: string): boolean => !deps.remote || isLocalUser(userId, deps.serverName)
  for (const userId of invited) {
    mustBeReachable(deps, userId)
    if (isHere(userId)) await mustTakeInvites(deps.users, userId)
  }
  const trusted = preset === 'trusted_private_chat' ? invited : []

  const create = createContent(version, creator, wish.creationContent ?? {}, trusted)
  const drafts: Draft[] = [
    {
      type: 'm.room.member',
      stateKey: creator.userId,
      content: { membership: 'join', ...(await deps.profiles.memberFields(creator.userId)) },
      sender: creator,
    },
    {
      type: 'm.room.power_levels',
      stateKey: '',
      content: powerLevels(version, creator, trusted, wish),
      sender: creator,
    },
    ...stateOf(wish, preset).map((state): Draft => ({ ...state, sender: creator })),
  ].map((draft) => withoutCreators(deps, version, create, creator, draft))
  for (const userId of invited.filter(isHere)) drafts.push(await invitation(deps, creator, userId, wish))
  try {
    const first: Draft = { type: 'm.room.create', stateKey: '', content: create, sender: creator }
    let room = await deps.rooms.make(version, [first, ...drafts.slice(0, atOnce)])
    for (let start = atOnce; start < drafts.length; start += atOnce) {
      await deps.rooms.append(room, drafts.slice(start, start + atOnce))
      room = (await deps.rooms.byNid(room.nid)) ?? room
    }
    await inviteOthers(
      deps,
      creator,
      room,
      invited.filter((userId) => !isHere(userId)),
      wish,
    )
    return room
  } catch (error) {
    // The auth rules refused what the wish asks for: it is the wish that is at fault.
    if (error instanceof MatrixError && error.errcode === 'M_FORBIDDEN') {
      throw new MatrixError('M_INVALID_ROOM_STATE', `The room cannot be made like this: ${error.message}`, {
        cause: error,
      })
    }
    throw error
  }
}

/** Invites users of other servers, one by one, into a room that is there. A server that does not answer keeps no room from being made. */
async function inviteOthers(
  { remote, logger }: CreateDeps,
  creator: Who,
  room: Room,
  invited: readonly string[],
  wish: RoomWish,
): Promise<void> {
  for (const userId of invited) {
    try {
      await remote?.invite(room, creator.userId, userId, wish.isDirect ? { is_direct: true } : {})
    } catch (error) {
      if (!(error instanceof MatrixError)) throw error
      logger?.warn({ room: room.id, user: userId, reason: error.message }, 'somebody elsewhere could not be invited')
    }
  }
}

function createContent(version: RoomVersion, creator: Who, wanted: JsonObject, trusted: readonly string[]): JsonObject {
  const { creator: _creator, room_version: _version, ...rest } = wanted
  const additional = own(wanted, 'additional_creators')
  const listed = Array.isArray(additional) ? additional : []
  const creators = version.privilegedCreators ? [...new Set([...listed, ...trusted])] : listed
  return {
    ...rest,
    room_version: version.id,
    ...(version.creatorInContent && { creator: creator.userId }),
    ...(creators.length > 0 && { additional_creators: creators }),
  }
}

function powerLevels(version: RoomVersion, creator: Who, trusted: readonly string[], wish: RoomWish): JsonObject {
  const users: JsonObject = version.privilegedCreators
    ? {}
    : Object.fromEntries([creator.userId, ...trusted].map((userId) => [userId, 100]))
  const content: JsonObject = {
    users,
    users_default: 0,
    events: {
      'm.room.name': 50,
      'm.room.power_levels': 100,
      'm.room.history_visibility': 100,
      'm.room.canonical_alias': 50,
      'm.room.avatar': 50,
      'm.room.tombstone': version.privilegedCreators ? 150 : 100,
      'm.room.server_acl': 100,
      'm.room.encryption': 100,
    },
    events_default: 0,
    state_default: 50,
    ban: 50,
    kick: 50,
    redact: 50,
    invite: 0,
    historical: 100,
  }
  return { ...content, ...wish.powerLevels }
}

/**
 * Power levels without the room's creators, where the version gives those power without end and refuses to have them listed: older
 * bridges and bots still write themselves down.
 */
function withoutCreators(
  deps: CreateDeps,
  version: RoomVersion,
  create: JsonObject,
  creator: Who,
  draft: Draft,
): Draft {
  const users = own(draft.content, 'users')
  if (draft.type !== 'm.room.power_levels' || !version.privilegedCreators || !isObject(users)) return draft
  const additional = own(create, 'additional_creators')
  const creators = new Set<unknown>([creator.userId, ...(Array.isArray(additional) ? additional : [])])
  const kept = Object.entries(users).filter(([userId]) => !creators.has(userId))
  if (kept.length === Object.keys(users).length) return draft
  deps.logger?.warn(
    { user: creator.userId, room_version: version.id },
    'creators of a room are left out of its power levels, which may not name them in this room version',
  )
  return { ...draft, content: { ...draft.content, users: Object.fromEntries(kept) } }
}

type StateDraft = { type: string; stateKey: string; content: JsonObject }

/** The rest of the first state, in the order of the specification: a later one of the same place wins. */
function stateOf(wish: RoomWish, preset: Preset): StateDraft[] {
  const { joinRule, historyVisibility, guestAccess } = presets[preset]
  const states: StateDraft[] = []
  if (wish.alias) states.push({ type: 'm.room.canonical_alias', stateKey: '', content: { alias: wish.alias } })
  states.push(
    { type: 'm.room.join_rules', stateKey: '', content: { join_rule: joinRule } },
    { type: 'm.room.history_visibility', stateKey: '', content: { history_visibility: historyVisibility } },
    { type: 'm.room.guest_access', stateKey: '', content: { guest_access: guestAccess } },
  )
  const asked = (wish.initialState ?? []).map((state) => ({
    type: state.type,
    stateKey: state.state_key ?? '',
    content: state.content,
  }))
  const named: StateDraft[] = []
  if (wish.name !== undefined) named.push({ type: 'm.room.name', stateKey: '', content: { name: wish.name } })
  if (wish.topic !== undefined) named.push({ type: 'm.room.topic', stateKey: '', content: topicContent(wish.topic) })
  const later = [...asked, ...named]
  const isOverridden = (state: StateDraft): boolean =>
    later.some((other) => other.type === state.type && other.stateKey === state.stateKey)
  const initial = asked.filter(
    (state) => !named.some((other) => other.type === state.type && other.stateKey === state.stateKey),
  )
  return [...states.filter((state) => !isOverridden(state)), ...initial, ...named]
}

/** A topic, with its rich form beside it. @see https://spec.matrix.org/v1.19/client-server-api/#mroomtopic */
const topicContent = (topic: string): JsonObject => ({ topic, 'm.topic': { 'm.text': [{ body: topic }] } })

async function invitation(deps: CreateDeps, creator: Who, userId: string, wish: RoomWish): Promise<Draft> {
  return {
    type: 'm.room.member',
    stateKey: userId,
    sender: creator,
    content: {
      membership: 'invite',
      ...(wish.isDirect && { is_direct: true }),
      ...(await deps.profiles.memberFields(userId)),
    },
  }
}

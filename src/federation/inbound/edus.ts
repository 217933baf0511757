import type { Devices } from '../../devices/index.ts'
import type { Ephemeral } from '../../ephemeral/index.ts'
import type { Room, Rooms } from '../../events/index.ts'
import { parseUserId } from '../../matrix/ids.ts'
import { isObject, own, type Json, type JsonObject } from '../../matrix/json.ts'
import { serverAcl } from '../../matrix/server-acl.ts'
import type { Users } from '../../users/index.ts'

export interface EduDeps {
  readonly rooms: Pick<Rooms, 'find' | 'stateEvent' | 'events' | 'of'>
  readonly users: Pick<Users, 'find'>
  readonly devices: Pick<Devices, 'toDevice' | 'changedElsewhere'>
  readonly ephemeral: Pick<Ephemeral, 'typing' | 'receipts'>
  readonly serverName: string
}

/** Takes what an EDU says. Nothing that is wrong with it is told to anybody: it is passed over. */
type Take = (deps: EduDeps, origin: string, content: JsonObject) => Promise<void>

const typingMs = 30_000
/** Receipts and devices that are looked at for one EDU. */
const most = 1000

const isOf = (userId: unknown, server: string): userId is string => parseUserId(userId)?.serverName === server

/** The room, if the server may speak in it and the user is in it. */
async function placeOf(
  { rooms, users }: EduDeps,
  origin: string,
  roomId: Json | undefined,
  userId: string,
): Promise<{ room: Room; nid: number } | undefined> {
  const [room, nid] = [typeof roomId === 'string' ? await rooms.find(roomId) : undefined, await users.find(userId)]
  if (!room || nid === undefined || !room.joined.has(nid)) return undefined
  const acl = await rooms.stateEvent(room, 'm.room.server_acl', '')
  return serverAcl(acl?.event)(origin) ? { room, nid } : undefined
}

/** @see https://spec.matrix.org/v1.19/server-server-api/#typing-notifications */
const typing: Take = async (deps, origin, content) => {
  const userId = own(content, 'user_id')
  if (!isOf(userId, origin)) return
  const place = await placeOf(deps, origin, own(content, 'room_id'), userId)
  const isTyping = own(content, 'typing') === true
  if (place) deps.ephemeral.typing.set(place.room, { nid: place.nid, userId }, isTyping ? typingMs : 0)
}

/** @see https://spec.matrix.org/v1.19/server-server-api/#receipts */
const receipts: Take = async (deps, origin, content) => {
  let left = most
  for (const [roomId, byType] of Object.entries(content)) {
    const byUser = own(byType, 'm.read')
    for (const [userId, receipt] of Object.entries(isObject(byUser) ? byUser : {})) {
      if (left-- <= 0) return
      const [eventIds, data] = [own(receipt, 'event_ids'), own(receipt, 'data')]
      const eventId = Array.isArray(eventIds) ? eventIds.at(-1) : undefined
      if (!isOf(userId, origin) || typeof eventId !== 'string') continue
      const place = await placeOf(deps, origin, roomId, userId)
      const stored = place && (await deps.rooms.events.byId(eventId))
      if (!stored || stored.room !== place.room.nid || stored.position === 0) continue
      const thread = own(data, 'thread_id')
      const isThread = typeof thread === 'string' && thread.length <= 255 && !thread.includes('\0')
      await deps.ephemeral.receipts.send(place.room, place.nid, 'm.read', stored, isThread ? thread : '')
    }
  }
}

/** @see https://spec.matrix.org/v1.19/server-server-api/#send-to-device-messaging */
const toDevice: Take = async ({ devices, serverName, users }, origin, content) => {
  const [sender, type, id] = [own(content, 'sender'), own(content, 'type'), own(content, 'message_id')]
  const messages = own(content, 'messages')
  if (!isOf(sender, origin) || typeof type !== 'string' || typeof id !== 'string' || !isObject(messages)) return
  if (type.length > 255 || type.includes('\0') || id.length > 255 || id.includes('\0')) return
  const ours: Record<string, Record<string, JsonObject>> = {}
  let left = most
  for (const [userId, byDevice] of Object.entries(messages)) {
    if (!isOf(userId, serverName) || !isObject(byDevice)) continue
    for (const [deviceId, message] of Object.entries(byDevice))
      if (isObject(message) && left-- > 0) (ours[userId] ??= {})[deviceId] = message
  }
  if (Object.keys(ours).length === 0) return
  // What came before is known by the server and its own name for it.
  const known = (await users.find(sender)) ?? 0
  await devices.toDevice.send(sender, type, ours, { sender: -1_000_000_000 - known, txnId: `${origin} ${id}` })
}

/** Whatever changed, the keys are asked for when somebody wants them. @see https://spec.matrix.org/v1.19/server-server-api/#device-management */
const deviceList: Take = async ({ devices, users, rooms }, origin, content) => {
  const userId = own(content, 'user_id')
  const user = isOf(userId, origin) ? await users.find(userId) : undefined
  // Of nobody's interest is who shares no room with anybody here.
  if (user === undefined || ![...(await rooms.of(user)).values()].some(({ membership }) => membership === 'join'))
    return
  await devices.changedElsewhere(user)
}

const takers: ReadonlyMap<string, Take> = new Map([
  ['m.typing', typing],
  ['m.receipt', receipts],
  ['m.direct_to_device', toDevice],
  ['m.device_list_update', deviceList],
  ['m.signing_key_update', deviceList],
])

/** Takes one EDU of a transaction. What is not known here is passed over. @see https://spec.matrix.org/v1.19/server-server-api/#edus */
export async function takeEdu(deps: EduDeps, origin: string, edu: Json): Promise<void> {
  const [type, content] = [own(edu, 'edu_type'), own(edu, 'content')]
  const take = typeof type === 'string' ? takers.get(type) : undefined
  if (take && isObject(content)) await take(deps, origin, content)
}

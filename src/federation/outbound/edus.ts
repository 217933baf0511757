import type { Devices } from '../../devices/index.ts'
import { checkCanonical, isObject, parseRemote, type JsonObject } from '../../matrix/json.ts'
import type { Mail } from './store.ts'

/** Something that is told beside events. @see https://spec.matrix.org/v1.19/server-server-api/#edus */
export interface Edu extends JsonObject {
  edu_type: string
  content: JsonObject
}

/** How far somebody here has read, for a room that other servers are in. */
export interface ReadTo {
  readonly roomId: string
  readonly userId: string
  readonly eventId: string
  /** Empty for a receipt that knows no threads. */
  readonly thread: string
  /** Milliseconds. */
  readonly ts: number
}

export const typingEdu = (roomId: string, userId: string, typing: boolean): Edu => ({
  edu_type: 'm.typing',
  content: { room_id: roomId, user_id: userId, typing },
})

/** As few receipts as hold them all: one has not two places of one user in one room. */
export function receiptEdus(list: readonly ReadTo[]): Edu[] {
  const contents: Array<Record<string, { 'm.read': Record<string, JsonObject> }>> = []
  for (const { roomId, userId, eventId, thread, ts } of list) {
    let content = contents.find((one) => one[roomId]?.['m.read'][userId] === undefined)
    if (!content) contents.push((content = {}))
    ;(content[roomId] ??= { 'm.read': {} })['m.read'][userId] = {
      event_ids: [eventId],
      data: { ts, ...(thread !== '' && { thread_id: thread }) },
    }
  }
  return contents.map((content) => ({ edu_type: 'm.receipt', content }))
}

/**
 * What other servers are told when somebody's devices or keys changed. Without a `prev_id` they ask for the whole list, which is right
 * however much of the story they missed.
 */
export async function deviceEdus(
  devices: Pick<Devices, 'list' | 'publicKeys'>,
  user: number,
  userId: string,
  streamId: number,
): Promise<Edu[]> {
  const [newest] = (await devices.list(user)).toSorted((a, b) => b.nid - a.nid)
  const list: Edu = {
    edu_type: 'm.device_list_update',
    content: {
      user_id: userId,
      device_id: newest?.deviceId ?? 'NONE',
      stream_id: streamId,
      prev_id: [],
      ...(!newest && { deleted: true }),
    },
  }
  const { master, selfSigning } = await devices.publicKeys(user)
  if (!master) return [list]
  const keys: Edu = {
    edu_type: 'm.signing_key_update',
    content: {
      user_id: userId,
      master_key: parseRemote(master.text),
      ...(selfSigning !== undefined && { self_signing_key: parseRemote(selfSigning) }),
    },
  }
  return [list, keys]
}

/** A message to devices; undefined for one that other servers could not check the signature of. */
export function mailEdu({ json }: Mail): Edu | undefined {
  const content = parseRemote(json)
  try {
    checkCanonical(content)
  } catch {
    return undefined
  }
  return isObject(content) ? { edu_type: 'm.direct_to_device', content } : undefined
}

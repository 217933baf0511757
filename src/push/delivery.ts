import type { Receipts } from '../ephemeral/index.ts'
import type { Outgoing } from '../http/index.ts'
import type { Job, Worker } from '../jobs/index.ts'
import { own, type JsonObject } from '../matrix/json.ts'
import type { Room, Rooms, StoredEvent } from '../events/index.ts'
import type { Users } from '../users/index.ts'
import type { NotificationCounts } from './counts.ts'
import { gatewayAddress, notify } from './gateway.ts'
import { mainThread } from './ledger.ts'
import type { Pushers } from './pushers.ts'
import type { PusherRow } from './store/pushers.ts'

export interface DeliveryDeps {
  readonly rooms: Rooms
  readonly users: Pick<Users, 'nameOf'>
  readonly counts: NotificationCounts
  readonly receipts: Pick<Receipts, 'readUpTo'>
  readonly pushers: Pushers
  readonly outgoing: Outgoing
  /** Origins of the operator's own gateways. */
  readonly gateways: readonly string[]
  /** Told of pushes that were given up. A pino logger is one. */
  readonly logger: { warn(details: object, message: string): void }
}

const minute = 60_000

/** Sends what is queued for push gateways. A gateway that is away is asked again every five minutes at the latest, for a day. */
export function createDelivery(deps: DeliveryDeps): Worker & { readonly mayClear: (pusher: number) => boolean } {
  /** What each gateway was last told of unread notifications, as far as it is known. */
  const told = new Map<number, number>()

  const deliver = async (job: Job): Promise<void> => {
    const pusher = await deps.pushers.get(Number(job.key))
    if (!pusher) return
    const data = JSON.parse(pusher.data) as JsonObject // checked when it was set
    const about = await eventOf(deps, pusher, job.payload)
    const unread = await unreadOf(deps, pusher.user_nid)
    if (!about && (own(job.payload, 'badge') !== true || told.get(pusher.nid) === unread)) return
    const address = gatewayAddress(own(data, 'url'), deps.gateways)
    if (!address) return
    const onlyId = own(data, 'format') === 'event_id_only'
    const notification = {
      ...(about &&
        (onlyId
          ? { event_id: about.stored.event.id, room_id: about.room.id, prio: prioOf(about) }
          : await detailsOf(deps, pusher, about))),
      // Zero is said, too: gateways take no number for no change, and the badge would stay.
      counts: { unread },
      devices: [deviceOf(pusher, data, about?.tweaks)],
    }
    const outcome = await notify(deps.outgoing, address, pusher, notification, job.signal)
    if (outcome === 'rejected') {
      await deps.pushers.reject(pusher)
      told.delete(pusher.nid)
    } else if (outcome === 'taken') told.set(pusher.nid, unread)
    else
      deps.logger.warn(
        { host: new URL(address.url).host, pusher: pusher.nid },
        'a push gateway cannot be asked, or refuses a push',
      )
  }

  return {
    handle: deliver,
    leaseMs: minute,
    firstMs: 2000,
    mostMs: 5 * minute,
    giveUpAfterMs: 24 * 60 * minute,
    onGiveUp: (job, error) => deps.logger.warn({ err: error, pusher: Number(job.key) }, 'a push was given up'),
    mayClear: (pusher) => told.get(pusher) !== 0,
  }
}

interface About {
  readonly stored: StoredEvent
  readonly room: Room
  readonly tweaks: JsonObject
}

/** What a job is about, unless nobody needs to be told any more: it was redacted or read, or the user is gone from the room. */
async function eventOf(
  { rooms, receipts }: DeliveryDeps,
  { user_nid: user }: PusherRow,
  payload: JsonObject,
): Promise<About | undefined> {
  const nid = own(payload, 'event')
  const stored = typeof nid === 'number' ? await rooms.events.get(nid) : undefined
  const room = stored && (await rooms.byNid(stored.room))
  const membership = room?.members.get(user)?.membership
  if (!stored || !room || stored.redactedBy !== null || (membership !== 'join' && membership !== 'invite'))
    return undefined
  const read = await receipts.readUpTo(user, room.nid)
  if (stored.position <= Math.max(read.everywhere, read.threads.get(stored.threadRoot ?? mainThread) ?? 0))
    return undefined
  return { stored, room, tweaks: own(payload, 'tweaks') as JsonObject } // as notifier.ts makes it
}

/** Unread notifications in all rooms of the user. */
async function unreadOf({ rooms, counts }: DeliveryDeps, user: number): Promise<number> {
  const joined: Room[] = []
  for (const [nid, { membership }] of await rooms.of(user)) {
    const room = membership === 'join' ? (rooms.peek(nid) ?? (await rooms.byNid(nid))) : undefined
    if (room) joined.push(room)
  }
  let unread = 0
  for (const { total } of (await counts.countsOfMany(user, joined)).values()) unread += total.notification
  return unread
}

/** What makes a sound, is a highlight, or might be one for all that can be seen from here, is urgent. */
const prioOf = ({ stored, tweaks }: About): 'high' | 'low' =>
  stored.event.type === 'm.room.encrypted' || own(tweaks, 'sound') !== undefined || own(tweaks, 'highlight') === true
    ? 'high'
    : 'low'

async function detailsOf({ users }: DeliveryDeps, pusher: PusherRow, about: About): Promise<JsonObject> {
  const {
    room,
    stored: { event, sender },
  } = about
  const senderName = room.members.get(sender)?.displayName ?? undefined
  const { name, canonicalAlias } = room.summary
  return {
    event_id: event.id,
    room_id: room.id,
    type: event.type,
    sender: event.sender,
    prio: prioOf(about),
    content: event.content,
    ...(senderName !== undefined && { sender_display_name: senderName }),
    ...(name !== null && { room_name: name }),
    ...(canonicalAlias !== null && { room_alias: canonicalAlias }),
    ...(event.type === 'm.room.member' && {
      user_is_target: event.stateKey === (await users.nameOf(pusher.user_nid)),
      // Gateways from before the specification's second version look for it here.
      membership: own(event.content, 'membership') ?? 'leave',
    }),
  }
}

function deviceOf(pusher: PusherRow, data: JsonObject, tweaks: JsonObject | undefined): JsonObject {
  const { url: _, ...passedOn } = data
  return {
    app_id: pusher.app_id,
    pushkey: pusher.pushkey,
    pushkey_ts: Math.floor(pusher.set_ts / 1000),
    data: passedOn,
    ...(tweaks && { tweaks }),
  }
}

import type { DeviceListNews, ToDeviceNews } from '../devices/index.ts'
import type { ReceiptNews } from '../ephemeral/index.ts'
import { own } from '../matrix/json.ts'
import type { StoredEvent } from '../events/index.ts'
import type { Entry } from '../streams/index.ts'
import type { Follower } from './deps.ts'

/** What a piece of the log has for an application service. */
export interface Gathered {
  /** Up to where the log has been looked through. */
  upTo: number
  readonly events: StoredEvent[]
  /** Rooms where somebody began or ceased to type. */
  readonly typing: Set<number>
  readonly receipts: Map<number, Array<{ readonly user: number; readonly news: ReceiptNews }>>
  readonly presence: Set<number>
  /** Users whose devices are to be looked at anew, and whose are of no interest any more. */
  readonly changed: Set<number>
  readonly left: Set<number>
  /** Its devices that something waits for, with the users they are of. */
  readonly mail: Map<number, number>
}

/** So much goes into one transaction. */
const mostEvents = 100
/** So many positions are looked at in one go. */
const window = 2000

/** The next piece of the log after a position, up to where a transaction is full. */
export async function gather(follower: Follower, since: number): Promise<Gathered> {
  const { rooms, log } = follower.deps
  const until = Math.min(log.now, since + window)
  const gathered: Gathered = {
    upTo: until,
    events: [],
    typing: new Set(),
    receipts: new Map(),
    presence: new Set(),
    changed: new Set(),
    left: new Set(),
    mail: new Map(),
  }
  // What happened while the server was not there: events are read from the tables, and what is ephemeral is gone.
  const isTail = log.tail.covers(since)
  const entries: readonly Pick<Entry, 'kind' | 'position' | 'data' | 'user' | 'room'>[] = isTail
    ? log.tail.all(since, until)
    : (await rooms.everywhere(since, until)).map((data) => ({ kind: 'event', position: data.position, data }))
  if (!isTail && follower.service.encryption) await catchUp(follower, gathered, since)
  let taken = 0
  let last = since
  for (const entry of entries) {
    if (taken >= mostEvents) {
      gathered.upTo = last
      break
    }
    const answer =
      entry.kind === 'event'
        ? takeEvent(follower, gathered, entry.data as StoredEvent)
        : takeOther(follower, gathered, entry) // entries of this kind carry it
    if (answer instanceof Promise ? await answer : answer) taken += 1
    last = entry.position
  }
  return gathered
}

function takeEvent(follower: Follower, gathered: Gathered, stored: StoredEvent): boolean | Promise<boolean> {
  const interested = follower.interest.inEvent(stored)
  if (interested === false) return false
  if (interested === true && (!follower.service.encryption || stored.event.type !== 'm.room.member')) {
    gathered.events.push(stored)
    return true
  }
  return takeSlowly(follower, gathered, stored, interested)
}

async function takeSlowly(
  follower: Follower,
  gathered: Gathered,
  stored: StoredEvent,
  interested: boolean | Promise<boolean>,
): Promise<boolean> {
  if (!(await interested)) return false
  gathered.events.push(stored)
  if (follower.service.encryption && stored.event.type === 'm.room.member') await noteMove(follower, gathered, stored)
  return true
}

/** Who comes into a room has devices to be known of; who goes, unless there is another room, has none. */
async function noteMove({ deps, interest }: Follower, gathered: Gathered, { event }: StoredEvent): Promise<void> {
  const userId = event.stateKey ?? ''
  const user = interest.isOwn(userId) ? undefined : await deps.users.find(userId)
  if (user === undefined) return
  const membership = own(event.content, 'membership')
  if (membership === 'join') gathered.changed.add(user)
  else if ((membership === 'leave' || membership === 'ban') && !(await interest.inUser(user, userId)))
    gathered.left.add(user)
}

/** True when there is something in it for the application service. */
function takeOther(
  follower: Follower,
  gathered: Gathered,
  { kind, room, user, data }: Pick<Entry, 'kind' | 'data' | 'user' | 'room'>,
): boolean | Promise<boolean> {
  const { service } = follower
  if (service.ephemeralAs.length > 0) {
    if (kind === 'typing' && room !== undefined) return takeTyping(follower, gathered, room)
    if (kind === 'receipt' && room !== undefined && user !== undefined)
      return takeReceipt(follower, gathered, room, user, data as ReceiptNews) // ephemeral/ put it there
    if (kind === 'presence' && user !== undefined) return takePresence(follower, gathered, user)
  }
  if (service.encryption) {
    if (kind === 'to_device' && user !== undefined) return takeMail(follower, gathered, user, data as ToDeviceNews) // devices/ put it there
    if (kind === 'device_list' && user !== undefined)
      return takeDevices(follower, gathered, user, data as DeviceListNews) // likewise
  }
  return false
}

async function takeTyping({ interest }: Follower, { typing }: Gathered, room: number): Promise<boolean> {
  if (typing.has(room) || !(await interest.inRoom(room))) return false
  typing.add(room)
  return true
}

async function takeReceipt(
  { interest }: Follower,
  { receipts }: Gathered,
  room: number,
  user: number,
  news: ReceiptNews,
): Promise<boolean> {
  const list = receipts.get(room)
  if (list) list.push({ user, news })
  else if (await interest.inRoom(room)) receipts.set(room, [{ user, news }])
  else return false
  return true
}

async function takePresence({ deps, interest }: Follower, { presence }: Gathered, user: number): Promise<boolean> {
  if (presence.has(user) || !(await interest.inUser(user, await deps.users.nameOf(user)))) return false
  presence.add(user)
  return true
}

async function takeMail(
  { deps, interest }: Follower,
  { mail }: Gathered,
  user: number,
  { devices }: ToDeviceNews,
): Promise<boolean> {
  if (!interest.isOwn(await deps.users.nameOf(user))) return false
  for (const device of devices) mail.set(device, user)
  return true
}

async function takeDevices(
  { deps, interest, withKeys }: Follower,
  { changed, left }: Gathered,
  user: number,
  { signed }: DeviceListNews,
): Promise<boolean> {
  const userId = await deps.users.nameOf(user)
  if (interest.isOwn(userId)) (await withKeys()).add(user)
  if (signed || !(await interest.inUser(user, userId))) return false
  changed.add(user)
  left.delete(user)
  return true
}

/** What came for its devices, and who else's changed, while nobody listened. */
async function catchUp({ deps, interest, withKeys }: Follower, gathered: Gathered, since: number): Promise<void> {
  for (const user of await withKeys()) for (const { nid } of await deps.devices.list(user)) gathered.mail.set(nid, user)
  for (const user of await deps.devices.listChanges(since, gathered.upTo)) {
    if (await interest.inUser(user, await deps.users.nameOf(user))) gathered.changed.add(user)
  }
}

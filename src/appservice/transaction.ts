import type { JsonObject } from '../matrix/json.ts'
import { clientEvent, neighbours } from '../history/index.ts'
import { ephemeralEvents } from './ephemeral.ts'
import type { Follower } from './deps.ts'
import { gather, type Gathered } from './gather.ts'

/** The next thing that an application service is to be told. */
export interface Batch {
  /** Up to where the log is told then. */
  readonly upTo: number
  /** The transaction, as JSON text; undefined when nothing up to there is of interest. */
  readonly body: string | undefined
}

/** So many messages wait for one device at most. */
const mostMail = 10_000
const mailName = 'de.sorunome.msc2409.to_device'

async function mailOf({ deps }: Follower, { mail, upTo }: Gathered, since: number): Promise<JsonObject[]> {
  const messages: JsonObject[] = []
  for (const [nid, user] of mail) {
    const device = (await deps.devices.list(user)).find((one) => one.nid === nid)
    if (!device) continue
    const { events } = await deps.devices.toDevice.look(nid, since, mostMail, upTo)
    const userId = await deps.users.nameOf(user)
    messages.push(...events.map((event) => ({ ...event, to_user_id: userId, to_device_id: device.deviceId })))
  }
  return messages
}

type Counts = Record<string, Record<string, JsonObject>>

/** Its users with keys that this is about: whom something was sent to, and who are in the rooms of the events. */
async function concerned({ interest, withKeys }: Follower, { events, mail }: Gathered): Promise<Set<number>> {
  const all = await withKeys()
  const found = new Set<number>([...mail.values()].filter((user) => all.has(user)))
  if (all.size === 0) return found
  for (const room of new Set(events.map((stored) => stored.room))) {
    for (const user of await interest.membersOf(room)) if (all.has(user)) found.add(user)
  }
  return found
}

/** What is left of the keys of its devices, by user and device, and which fallback keys are unused. */
async function keysLeft(follower: Follower, gathered: Gathered): Promise<JsonObject> {
  const { users, devices } = follower.deps
  const [counts, unused]: [Counts, Record<string, Record<string, string[]>>] = [{}, {}]
  for (const user of await concerned(follower, gathered)) {
    const userId = await users.nameOf(user)
    for (const { nid, deviceId } of await devices.list(user)) {
      const left = await devices.keys.of(nid)
      ;(counts[userId] ??= {})[deviceId] = { ...left.counts }
      ;(unused[userId] ??= {})[deviceId] = [...left.unusedFallback]
    }
  }
  if (Object.keys(counts).length === 0) return {}
  return {
    // The second of these is what bridges looked for when they were first written.
    'org.matrix.msc3202.device_one_time_key_counts': counts,
    'org.matrix.msc3202.device_one_time_keys_count': counts,
    'org.matrix.msc3202.device_unused_fallback_key_types': unused,
  }
}

async function listsOf({ deps }: Follower, { changed, left }: Gathered): Promise<JsonObject> {
  if (changed.size === 0 && left.size === 0) return {}
  const names = await deps.users.namesOf([...changed, ...left])
  const listed = (nids: Iterable<number>): string[] => [...nids].flatMap((nid) => names.get(nid) ?? [])
  return { 'org.matrix.msc3202.device_lists': { changed: listed(changed), left: listed(left) } }
}

async function eventTexts({ deps }: Follower, { events }: Gathered): Promise<string[]> {
  const around = await neighbours(deps.rooms.events, events, async (others) => others)
  const reader = { device: null, now: deps.now(), withRoomId: true }
  return events.map((stored) => clientEvent(stored, reader, around.get(stored.nid)))
}

/**
 * What comes after a position of the log, as a transaction.
 * @see https://spec.matrix.org/v1.19/application-service-api/#put_matrixappv1transactionstxnid
 */
export async function nextBatch(follower: Follower, since: number): Promise<Batch> {
  const { service } = follower
  const gathered = await gather(follower, since)
  const ephemeral = await ephemeralEvents(follower, gathered)
  const mail = await mailOf(follower, gathered, since)
  const lists = await listsOf(follower, gathered)
  if (gathered.events.length === 0 && ephemeral.length === 0 && mail.length === 0 && Object.keys(lists).length === 0)
    return { upTo: gathered.upTo, body: undefined }
  const more: JsonObject = {
    ...(ephemeral.length > 0 && Object.fromEntries(service.ephemeralAs.map((name) => [name, ephemeral]))),
    ...(mail.length > 0 && { [mailName]: mail }),
    ...lists,
    ...(service.encryption && (await keysLeft(follower, gathered))),
  }
  const rest = Object.entries(more)
    .map(([name, value]) => `,${JSON.stringify(name)}:${JSON.stringify(value)}`)
    .join('')
  return { upTo: gathered.upTo, body: `{"events":[${(await eventTexts(follower, gathered)).join(',')}]${rest}}` }
}

/** Deletes the messages to devices that a transaction held, now that they have arrived. */
export async function discardMail({ deps }: Follower, body: string, upTo: number): Promise<void> {
  if (!body.includes(mailName)) return
  const messages =
    (JSON.parse(body) as { [mailName]?: ReadonlyArray<{ to_user_id: string; to_device_id: string }> })[mailName] ?? [] // as nextBatch makes it
  const devices = new Map(
    messages.map(({ to_user_id: userId, to_device_id: deviceId }) => [`${userId} ${deviceId}`, { userId, deviceId }]),
  )
  for (const { userId, deviceId } of devices.values()) {
    const user = await deps.users.find(userId)
    const device = user === undefined ? undefined : await deps.devices.get(user, deviceId)
    if (device) await deps.devices.toDevice.take(device.nid, upTo, upTo)
  }
}

import { own } from '../matrix/json.ts'
import { bundlesOf, type Bundle, type BundleDeps } from './bundle.ts'
import { clientEvent, neighbours, type EventReader } from './client-event.ts'
import type { Onlooker } from './sight.ts'
import { delayedDevice, type StoredEvent } from '../events/index.ts'

/** Who reads events, and how they are wanted. */
export interface Reader extends EventReader {
  readonly session: Onlooker
  /** Leaves out former contents and summaries: for lists of state, where these would cost more than all the rest. */
  readonly lean?: boolean
}

/**
 * Events as clients get them, as JSON texts, in the same order: with what they replaced, why they were redacted, what relates to
 * them and the reader's membership. Whether the reader may see them has been decided before; of what goes into `unsigned` it is
 * decided here.
 */
export async function serialise(deps: BundleDeps, list: readonly StoredEvent[], reader: Reader): Promise<string[]> {
  return serialiseWith(deps, list, reader, reader.lean !== true)
}

async function serialiseWith(
  deps: BundleDeps,
  whole: readonly StoredEvent[],
  reader: Reader,
  withBundles: boolean,
): Promise<string[]> {
  const { session } = reader
  const conceal = (events: readonly StoredEvent[]): Promise<readonly StoredEvent[]> =>
    deps.erasure.conceal(session, events)
  // State is what a room is like, whoever made it so: in lists of it nothing is taken away.
  const list = reader.lean ? whole : await conceal(whole)
  const around = await neighbours(
    deps.rooms.events,
    list,
    async (events) => conceal(await deps.sight.visible(session, events)),
    reader.lean !== true,
  )
  const bundles = withBundles ? await bundlesOf(deps, session, list) : undefined
  const relations = bundles && bundles.size > 0 ? await relationsOf(deps, bundles, reader) : undefined
  const memberships = reader.lean ? undefined : await membershipsAt(deps, list, session)
  return list.map((stored, index) => {
    const extras = [...(around.get(stored.nid) ?? [])]
    const membership = memberships?.[index]
    if (membership !== undefined) extras.push(`"membership":${JSON.stringify(membership)}`)
    // Whoever had it delayed is told which of theirs it is.
    if (stored.device === delayedDevice && stored.sender === session.user)
      extras.push(`"org.matrix.msc4140.delay_id":${JSON.stringify(stored.txnId)}`)
    const relation = relations?.get(stored.nid)
    if (relation !== undefined) extras.push(relation)
    return clientEvent(stored, reader, extras)
  })
}

/** `"m.relations":{…}` by short id. The newest event of a thread has its own summary inside; it cannot be the root of another thread. */
async function relationsOf(
  deps: BundleDeps,
  bundles: ReadonlyMap<number, Bundle>,
  reader: Reader,
): Promise<ReadonlyMap<number, string>> {
  // The event in a bundle may be passed on by itself: it names its room.
  const inside = { ...reader, withRoomId: true }
  const edits = [...bundles.values()].flatMap(({ edit }) => edit ?? [])
  const latest = [...bundles.values()].flatMap(({ thread }) => thread?.latest ?? [])
  const texts = new Map<number, string>()
  const put = (events: readonly StoredEvent[], jsons: readonly string[]): void =>
    events.forEach(({ nid }, index) => texts.set(nid, jsons[index] ?? ''))
  if (edits.length > 0) put(edits, await serialiseWith(deps, edits, inside, false))
  if (latest.length > 0) put(latest, await serialiseWith(deps, latest, inside, true))

  const relations = new Map<number, string>()
  for (const [nid, { edit, thread, references }] of bundles) {
    const parts: string[] = []
    if (edit) parts.push(`"m.replace":${texts.get(edit.nid)}`)
    if (thread) {
      parts.push(
        `"m.thread":{"latest_event":${texts.get(thread.latest.nid)},"count":${thread.count},"current_user_participated":${thread.participated}}`,
      )
    }
    if (references.length > 0)
      parts.push(`"m.reference":{"chunk":${JSON.stringify(references.map((id) => ({ event_id: id })))}}`)
    if (parts.length > 0) relations.set(nid, `"m.relations":{${parts.join(',')}}`)
  }
  return relations
}

/**
 * The reader's membership at each event, what the event itself changes included. After the reader's newest member event it is what
 * that one says; before, state has to be looked at, which is done where clients need it: to tell why an event cannot be decrypted.
 */
async function membershipsAt(
  { rooms, sight }: BundleDeps,
  list: readonly StoredEvent[],
  session: Onlooker,
): Promise<Array<string | undefined>> {
  const memberships: Array<string | undefined> = []
  const mine = await rooms.of(session.user)
  for (const stored of list) {
    const { event } = stored
    const member = mine.get(stored.room)
    if (event.type === 'm.room.member' && event.stateKey === session.userId)
      memberships.push(text(own(event.content, 'membership')))
    else if (!member) memberships.push('leave')
    else if (stored.position > member.position) memberships.push(member.membership)
    else if (rooms.peek(stored.room)?.summary.encryption)
      memberships.push((await sight.membershipBefore(session, stored)) ?? 'leave')
    else memberships.push(undefined)
  }
  return memberships
}

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

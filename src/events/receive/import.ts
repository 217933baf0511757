import { authorize, authTypesFor } from '../../matrix/auth-rules/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { own, type Json } from '../../matrix/json.ts'
import { relationOf } from '../../matrix/relations.ts'
import type { RoomVersion } from '../../matrix/room-version.ts'
import { emptySummary, type Head, type Member, memberFrom, type Room, type RoomSummary, summarise } from '../room.ts'
import { flatten, holderIn } from '../state-sets.ts'
import { standings, type Held, type StoredEvent } from '../stored-event.ts'
import { deleteEmptyRoom, upsertMember } from '../store/rooms.ts'
import { commitReceived } from './commit.ts'
import type { ReceiveDeps } from './deps.ts'
import { readSigned, stateOf } from './foundations.ts'
import { knownRoom } from './open-room.ts'
import { storeOutliers } from './outliers.ts'
import type { Incoming } from './pdu.ts'
import { lookupIn } from './states.ts'

/** A room that another server lets somebody of this one into. */
export interface RoomImport {
  readonly roomId: string
  readonly version: RoomVersion
  /** Id of the member event that was made here. */
  readonly eventId: string
  /** The member event that brings somebody in, signed by all who have to. */
  readonly join: Json
  /** The state before it, and what that rests on. */
  readonly state: readonly Json[]
  readonly authChain: readonly Json[]
}

/** Members whose rows one change of the database writes. */
const atOnce = 200

const refuse = (message: string): MatrixError => new MatrixError('M_UNKNOWN', message, { status: 502 })

/**
 * Takes over a room as it is elsewhere, with a first event of its timeline here. Every event is checked by itself: its form, its
 * signatures, what it rests on; those that fail are left out, and the join must be allowed by what is left. A room that this server has
 * been in keeps its history.
 * @throws {MatrixError} M_UNKNOWN (502) when what was sent is no such room
 * @see https://spec.matrix.org/v1.19/server-server-api/#joining-rooms
 */
export async function importRoom(deps: ReceiveDeps, wish: RoomImport): Promise<Room> {
  const { roomId, version } = wish
  const named = { id: roomId, version }
  const [join] = await readSigned(deps, named, [wish.join])
  if (join?.event.id !== wish.eventId || join.event.type !== 'm.room.member')
    throw refuse('The other server answered with no join that is signed as it should be')
  const events = await readSigned(deps, named, [...wish.authChain, ...wish.state])
  const create = events.find(({ event }) => event.type === 'm.room.create' && event.stateKey === '')
  if (!create || (own(create.event.content, 'room_version') ?? '1') !== version.id)
    throw refuse('The other server sent no room of this version')
  const known = await deps.heads.byId(roomId)
  const creator = await deps.users.intern(create.event.sender)
  const head = await knownRoom(deps, { ...named, creator, createdTs: create.event.ts })
  try {
    await storeOutliers(deps, head, events)
    const ids = await stateIdsOf(deps, named, wish.state)
    const state = await stateOf(deps, head, ids)
    return await enter(deps, head, join, state)
  } catch (error) {
    if (!known) {
      deps.heads.kill(head)
      await deps.database.write((tx) => deleteEmptyRoom(tx, head.nid))
    }
    throw error
  }
}

/** Ids of the events that are the state, of those that are events of the room at all. */
async function stateIdsOf(
  deps: ReceiveDeps,
  named: Pick<Room, 'id' | 'version'>,
  state: readonly Json[],
): Promise<string[]> {
  const events = await readSigned(deps, named, state)
  return events.map(({ event }) => event.id)
}

type State = Awaited<ReturnType<typeof stateOf>>

async function enter(deps: ReceiveDeps, head: Head, { event, json }: Incoming, state: State): Promise<Room> {
  const { version } = head
  const lookup = await lookupIn(deps, state.chain, event, version, authTypesFor(event, version))
  const verdict = authorize(event, version, lookup)
  if (!verdict.allowed) throw refuse(`What the other server sent does not let this user in: ${verdict.reason}`)
  const stateKey = event.stateKey ?? ''
  const key = await deps.stateKeys.intern(event.type, stateKey)
  const known = await deps.events.byId(event.id)
  const stored: Held = {
    nid: known?.nid ?? deps.eventIds.next(),
    room: head.nid,
    sender: await deps.users.intern(event.sender),
    event,
    position: 0,
    size: json.length,
    stateBefore: state.chain.at(-1)?.nid ?? null,
    standing: standings.accepted,
    device: null,
    txnId: null,
    replaces: holderIn(state.chain, key) || null,
    redactedBy: null,
    threadRoot: relationOf(event)?.eventId ?? null,
  }
  const after = await deps.stateSets.derive(state.chain, new Map([[key, stored.nid]]))
  const whole = flatten(state.chain)
  const { members, summary } = await membersAndSummary(deps, head, whole)
  await storeMembers(deps, head, members)
  const target = await deps.users.intern(stateKey)
  members.delete(target)

  const moved = new Map(whole)
  for (const old of head.state.keys()) if (!whole.has(old)) moved.set(old, 0)
  moved.set(key, stored.nid)
  await commitReceived(deps, head, {
    stored,
    json,
    wasOutlier: known !== undefined,
    layers: [...new Set([...state.fresh, ...after.fresh])],
    stateKeys: [...state.stateKeys, key],
    target,
    redaction: undefined,
    awaits: undefined,
    move: {
      extremities: [{ nid: stored.nid, id: event.id, depth: event.depth }],
      chain: after.chain,
      state: moved,
      // They are on the disk already; only the head has to learn of them.
      members: new Map(),
      summary: summarise(summary, event),
    },
    newcomers: members,
  })
  return head
}

/** Everybody whom the state names, and what lists show of the room. Who was in the room as it was here, and is not named, has left. */
async function membersAndSummary(
  deps: ReceiveDeps,
  head: Head,
  state: ReadonlyMap<number, number>,
): Promise<{ members: Map<number, Member>; summary: RoomSummary }> {
  let summary: RoomSummary = emptySummary
  const found: StoredEvent[] = []
  const nids = [...state.values()]
  for (let start = 0; start < nids.length; start += 500) {
    for (const stored of await deps.events.many(nids.slice(start, start + 500))) {
      if (stored.event.type === 'm.room.member') found.push(stored)
      else summary = summarise(summary, stored.event)
    }
  }
  const members = new Map<number, Member>()
  for (let start = 0; start < found.length; start += 500)
    await Promise.all(
      found.slice(start, start + 500).map(async ({ event, nid, sender }) => {
        const user = await deps.users.intern(event.stateKey ?? '').catch(() => undefined)
        if (user !== undefined) members.set(user, memberFrom(event, nid, sender, 0))
      }),
    )
  for (const [user, member] of head.members)
    if (!members.has(user) && member.membership !== 'leave' && member.membership !== 'ban')
      members.set(user, { ...member, membership: 'leave' })
  return { members, summary }
}

async function storeMembers(deps: ReceiveDeps, head: Head, members: ReadonlyMap<number, Member>): Promise<void> {
  const list = [...members]
  for (let start = 0; start < list.length; start += atOnce)
    await deps.database.write(async (tx) => {
      for (const [user, member] of list.slice(start, start + atOnce)) await upsertMember(tx, head.nid, user, member)
    })
}

import { authTypesFor } from '../matrix/auth-rules/index.ts'
import { MatrixError } from '../matrix/errors.ts'
import type { Tx } from '../storage/index.ts'
import type { Entry, Log } from '../streams/index.ts'
import type { Users } from '../users/index.ts'
import { memberFrom, type Member, type Room } from './room.ts'
import type { RoomCache } from './heads.ts'
import { outlineOf, stageAll, type Draft, type Prepared, type Staged, type StageDeps } from './stage.ts'
import { eventBytes, type StoredEvent } from './stored-event.ts'
import { insertEvent, replaceByRedacted } from './store/events.ts'
import { deleteRelation, insertRelation } from './store/relations.ts'
import { insertRoom, moveRoomHead, updateRoom, upsertMember, type Head } from './store/rooms.ts'

export interface AppendDeps extends StageDeps {
  readonly log: Log
  readonly users: Users
  readonly rooms: RoomCache
}

/**
 * Builds events of this server at the head of a room, checks them against the auth rules, and commits them as one change:
 * all of them or none. Resolves after the commit, when syncs have been told.
 *
 * Nothing is awaited between reading the head and moving it, so that no two senders see the same one. The head in memory runs
 * ahead of the commit; should that fail, the head is dropped, with everything that was built upon it.
 * @throws {MatrixError} M_FORBIDDEN with the reason; M_TOO_LARGE; M_BAD_JSON.
 */
export async function append(
  deps: AppendDeps,
  room: Room,
  drafts: readonly Draft[],
  options: { creating?: boolean } = {},
): Promise<StoredEvent[]> {
  const prepared: Prepared[] = []
  for (const draft of drafts) prepared.push(await prepare(deps, room, draft))
  const head = await headFor(deps, room, prepared)
  const staged = stageAll(deps, head, prepared)
  moveHead(deps, head, staged)
  return commit(deps, head, staged, options.creating ?? false)
}

async function prepare(deps: AppendDeps, room: Room, draft: Draft): Promise<Prepared> {
  const { stateKey, type } = draft
  // The auth rules look at the create event even where it is not cited.
  const needs: Prepared['needs'] = [['m.room.create', ''], ...authTypesFor(outlineOf(draft), room.version)]
  for (const [needType, needKey] of needs)
    if (deps.stateKeys.peek(needType, needKey) === undefined) await deps.stateKeys.find(needType, needKey)
  return {
    draft,
    needs,
    stateKeyNid:
      stateKey === undefined
        ? undefined
        : (deps.stateKeys.peek(type, stateKey) ?? (await deps.stateKeys.intern(type, stateKey))),
    target:
      stateKey !== undefined && type === 'm.room.member'
        ? (deps.users.peekNid(stateKey) ?? (await deps.users.intern(stateKey)))
        : undefined,
  }
}

/** The head of the room, once everything that the drafts look at is in memory. It may be another object than the one handed in. */
async function headFor(deps: AppendDeps, room: Room, prepared: readonly Prepared[]): Promise<Room> {
  let head: Room | undefined = room
  for (;;) {
    if (head.dead) head = await deps.rooms.get(room.nid)
    if (!head) throw new MatrixError('M_NOT_FOUND', 'The room is gone')
    const missing = missingEvents(deps, head, prepared)
    if (missing.length === 0) return head
    await deps.events.many(missing)
  }
}

function missingEvents(deps: AppendDeps, room: Room, prepared: readonly Prepared[]): number[] {
  const looked: Array<number | undefined> =
    room.version.eventFormat === 'v1' ? room.extremities.map((one) => one.nid) : []
  for (const { needs, stateKeyNid } of prepared) {
    for (const [type, stateKey] of needs) looked.push(room.state.get(deps.stateKeys.peek(type, stateKey) ?? 0))
    if (stateKeyNid !== undefined) looked.push(room.state.get(stateKeyNid))
  }
  return looked.filter((nid) => nid !== undefined && !deps.events.peek(nid)) as number[] // undefined is filtered out
}

/** Takes the events into the head, in memory: from here on others build upon them. */
function moveHead(deps: AppendDeps, room: Room, staged: readonly Staged[]): void {
  for (const { stored, stateKeyNid, target, chain, summary, extremities } of staged) {
    deps.events.put(stored)
    room.extremities = extremities
    room.chain = chain
    room.summary = summary
    if (stateKeyNid !== undefined) room.state.set(stateKeyNid, stored.nid)
    if (target !== undefined) setMember(room, target, memberFrom(stored.event, stored.nid, stored.sender, 0))
  }
}

function setMember(room: Room, user: number, member: Member): void {
  if (room.members.get(user)?.membership === 'invite') room.invited -= 1
  if (member.membership === 'invite') room.invited += 1
  if (member.membership === 'join') room.joined.add(user)
  else room.joined.delete(user)
  room.members.set(user, member)
}

/** Types of events that move a room up in a list. */
const bumps = new Set([
  'm.room.message',
  'm.room.encrypted',
  'm.room.create',
  'm.sticker',
  'm.call.invite',
  'm.poll.start',
  'org.matrix.msc3381.poll.start',
])

async function commit(
  deps: AppendDeps,
  room: Room,
  staged: readonly Staged[],
  creating: boolean,
): Promise<StoredEvent[]> {
  const last = staged.at(-1)
  if (!last) return []
  const counts = { joined: room.joined.size, invited: room.invited }
  const changesState = staged.some((one) => one.stateKeyNid !== undefined || one.redaction)
  deps.rooms.hold(room)
  try {
    await deps.log.write(async (tx) => {
      if (room.dead) throw new Error('A change that this one was built upon was not committed')
      try {
        for (const one of staged) {
          one.stored.position = tx.append({
            kind: 'event',
            room: room.nid,
            wake: room.joined,
            data: one.stored,
            bytes: eventBytes(one.stored),
            ...(one.target !== undefined && { user: one.target, wakeAlso: one.target }),
            ...(one.redaction && { onAnnounce: () => applyRedaction(deps, one) }),
          })
          room.latestPosition = one.stored.position
          if (bumps.has(one.stored.event.type)) room.bumpPosition = one.stored.position
          await store(deps, tx.sql, room, one)
        }
        const head: Head = {
          ...counts,
          stateNid: last.chain.at(-1)?.nid ?? 0,
          extremities: last.extremities,
          summary: last.summary,
          latestPosition: room.latestPosition,
          bumpPosition: room.bumpPosition,
        }
        if (creating) await insertRoom(tx.sql, room, head)
        else await (changesState ? updateRoom : moveRoomHead)(tx.sql, room, head)
      } catch (error) {
        deps.rooms.kill(room)
        throw error
      }
    })
  } catch (error) {
    deps.rooms.kill(room)
    for (const { stored } of staged) deps.events.drop(stored)
    throw error
  } finally {
    deps.rooms.settle(room)
  }
  for (const { stateKeyNid } of staged) if (stateKeyNid !== undefined) deps.stateKeys.confirm(stateKeyNid)
  return staged.map((one) => one.stored)
}

async function store(
  deps: AppendDeps,
  tx: Tx,
  room: Room,
  { stored, json, stateKeyNid, target, chain, relation, redaction }: Staged,
): Promise<void> {
  await insertEvent(tx, stored, json)
  if (stateKeyNid !== undefined) {
    await deps.stateKeys.store(tx, stateKeyNid)
    await deps.stateSets.store(tx, chain)
  }
  if (target !== undefined) {
    const member = memberFrom(stored.event, stored.nid, stored.sender, stored.position)
    if (room.members.get(target)?.event === stored.nid) room.members.set(target, member)
    await upsertMember(tx, room.nid, target, member)
  }
  if (relation) await insertRelation(tx, stored, relation)
  if (redaction) {
    await replaceByRedacted(tx, redaction.target.nid, redaction.json, stored.nid)
    await deleteRelation(tx, redaction.target.nid)
  }
}

/** What was redacted goes from memory too, wherever it is held, before anyone is told. */
function applyRedaction(deps: AppendDeps, { stored, redaction }: Staged): void {
  if (!redaction) return
  const { target } = redaction
  const inTail = deps.log.tail
    .room(target.room, target.position - 1, target.position)
    .map((entry: Entry) => entry.data as StoredEvent)
  for (const held of [
    target,
    deps.events.peek(target.nid),
    deps.rooms.peek(target.room)?.recent?.find(target.nid),
    ...inTail,
  ]) {
    if (held?.nid !== target.nid) continue
    held.event = redaction.event
    held.redactedBy = stored.nid
    delete held.clientJson
  }
}

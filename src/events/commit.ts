import type { Tx } from '../storage/index.ts'
import type { Log } from '../streams/index.ts'
import type { EventCache } from './event-cache.ts'
import type { Heads } from './heads.ts'
import { forgetRedacted } from './redaction.ts'
import { memberFrom, type Head, type Member } from './room.ts'
import type { Staged } from './stage.ts'
import type { StateKeys } from './state-keys.ts'
import type { StateSets } from './state-sets.ts'
import { eventBytes, type StoredEvent } from './stored-event.ts'
import { insertEvent, replaceByRedacted } from './store/events.ts'
import { deleteRelation, insertRelation } from './store/relations.ts'
import { insertRoom, moveRoomHead, updateRoom, upsertMember, type HeadRow } from './store/rooms.ts'

export interface CommitDeps {
  readonly log: Log
  readonly heads: Heads
  readonly events: EventCache
  readonly stateKeys: StateKeys
  readonly stateSets: StateSets
}

/** The head that something was staged upon is dead: nothing of it was stored, and it can be staged anew. */
export class HeadDied extends Error {
  constructor() {
    super('A change that this one was built upon was not committed')
  }
}

/** Takes the events into the head, in memory: from here on others build upon them. */
function moveHead(deps: CommitDeps, room: Head, staged: readonly Staged[]): void {
  for (const { stored, stateKeyNid, target, chain, summary, extremities } of staged) {
    deps.events.put(stored)
    room.extremities = extremities
    room.chain = chain
    room.summary = summary
    if (stateKeyNid !== undefined) room.state.set(stateKeyNid, stored.nid)
    if (target !== undefined) setMember(room, target, memberFrom(stored.event, stored.nid, stored.sender, 0))
  }
}

/** Sets how a user stands to the room, and what is counted by it. */
export function setMember(room: Head, user: number, member: Member): void {
  if (room.members.get(user)?.membership === 'invite') room.invited -= 1
  if (member.membership === 'invite') room.invited += 1
  if (member.membership === 'join') room.joined.add(user)
  else room.joined.delete(user)
  room.members.set(user, member)
}

/** Types of events that move a room up in a list. */
export const bumps = new Set([
  'm.room.message',
  'm.room.encrypted',
  'm.room.create',
  'm.sticker',
  'm.call.invite',
  'm.poll.start',
  'org.matrix.msc3381.poll.start',
])

/**
 * Moves the head on to what was staged upon it, stores that as one change, and announces it: one way for all events, whoever made
 * them. The head moves at once; who stages has awaited nothing since the head was read.
 */
export async function commit(
  deps: CommitDeps,
  room: Head,
  staged: readonly Staged[],
  creating: boolean,
): Promise<StoredEvent[]> {
  const last = staged.at(-1)
  if (!last) return []
  moveHead(deps, room, staged)
  const counts = { joined: room.joined.size, invited: room.invited }
  const changesState = staged.some((one) => one.stateKeyNid !== undefined || one.redaction)
  deps.heads.hold(room)
  try {
    await deps.log.write(async (tx) => {
      if (room.dead) throw new HeadDied()
      try {
        for (const one of staged) {
          const { redaction } = one
          one.stored.position = tx.append({
            kind: 'event',
            room: room.nid,
            wake: room.joined,
            data: one.stored,
            bytes: eventBytes(one.stored),
            ...(one.target !== undefined && { user: one.target, wakeAlso: one.target }),
            ...(redaction && { onAnnounce: () => forgetRedacted(deps, redaction, one.stored.nid) }),
          })
          room.latestPosition = one.stored.position
          if (bumps.has(one.stored.event.type)) room.bumpPosition = one.stored.position
          await store(deps, tx.sql, room, one)
        }
        const row: HeadRow = {
          ...counts,
          stateNid: last.chain.at(-1)?.nid ?? 0,
          extremities: last.extremities,
          summary: last.summary,
          latestPosition: room.latestPosition,
          bumpPosition: room.bumpPosition,
        }
        if (creating) await insertRoom(tx.sql, room, row)
        else await (changesState ? updateRoom : moveRoomHead)(tx.sql, room, row)
      } catch (error) {
        deps.heads.kill(room)
        throw error
      }
    })
  } catch (error) {
    deps.heads.kill(room)
    for (const { stored } of staged) deps.events.drop(stored)
    throw error
  } finally {
    deps.heads.settle(room)
  }
  for (const { stateKeyNid } of staged) if (stateKeyNid !== undefined) deps.stateKeys.confirm(stateKeyNid)
  return staged.map((one) => one.stored)
}

async function store(
  deps: CommitDeps,
  tx: Tx,
  room: Head,
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

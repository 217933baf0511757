import { relationOf } from '../../matrix/relations.ts'
import type { Tx } from '../../storage/index.ts'
import { bumps, HeadDied, setMember } from '../commit.ts'
import { forgetRedacted, type Redaction } from '../redaction.ts'
import { type Extremity, type Head, type Member, memberFrom, type RoomSummary } from '../room.ts'
import { holderIn } from '../state-sets.ts'
import { eventBytes, type Held, type StoredEvent } from '../stored-event.ts'
import { insertEvent, placeEvent, replaceByRedacted } from '../store/events.ts'
import { addPendingRedaction } from '../store/redactions.ts'
import { addResets } from '../store/resets.ts'
import { deleteRelation, insertRelation } from '../store/relations.ts'
import { updateRoom, upsertMember } from '../store/rooms.ts'
import type { StateLayer } from '../store/state.ts'
import type { ReceiveDeps } from './deps.ts'
import type { Chain } from './states.ts'

/** How the head of a room moves with an event that another server made. */
export interface HeadMove {
  readonly extremities: readonly Extremity[]
  readonly chain: Chain
  /** State keys that are held by other events now; 0: by none. The event itself may or may not be among them. */
  readonly state: ReadonlyMap<number, number>
  /** Members whose standing changed, and not by this event. */
  readonly members: ReadonlyMap<number, Member>
  readonly summary: RoomSummary
}

/** What is to be stored of an event that another server made. */
export interface Change {
  readonly stored: Held
  readonly json: string
  /** It was here already, without its place. */
  readonly wasOutlier: boolean
  readonly layers: readonly StateLayer[]
  /** State keys that may not be in the database yet. */
  readonly stateKeys: readonly number[]
  /** The place of the state that the event is for. */
  readonly own?: number | undefined
  /** The user whose membership it sets, where it counts in the current state. */
  readonly target: number | undefined
  readonly redaction: Redaction | undefined
  /** The event that is to be redacted once it comes. */
  readonly awaits: string | undefined
  /** Undefined: it is stored, and nobody is told; the head stays. */
  readonly move: HeadMove | undefined
  /** Members who are on the disk already, and whom the head has to learn of: those of a room that is taken over. */
  readonly newcomers?: ReadonlyMap<number, Member>
}

/**
 * Moves the head, stores the change and announces it, as `../commit.ts` does for what is made here. Nothing has been awaited since the
 * move was worked out and the head looked at once more.
 */
export async function commitReceived(deps: ReceiveDeps, head: Head, change: Change): Promise<StoredEvent> {
  const { stored, move } = change
  deps.events.put(stored)
  if (move) moveHead(head, move, change)
  const counts = { joined: head.joined.size, invited: head.invited }
  deps.heads.hold(head)
  try {
    await deps.log.write(async (tx) => {
      if (head.dead) throw new HeadDied()
      try {
        if (move) {
          const { redaction, target } = change
          stored.position = tx.append({
            kind: 'event',
            room: head.nid,
            wake: head.joined,
            data: stored,
            bytes: eventBytes(stored),
            ...(target !== undefined && { user: target, wakeAlso: target }),
            ...(redaction && { onAnnounce: () => forgetRedacted(deps, redaction, stored.nid) }),
          })
          head.latestPosition = stored.position
          if (bumps.has(stored.event.type)) head.bumpPosition = stored.position
        }
        await store(deps, tx.sql, head, change)
        if (!move) return
        await updateRoom(tx.sql, head, {
          ...counts,
          stateNid: move.chain.at(-1)?.nid ?? 0,
          extremities: move.extremities,
          summary: move.summary,
          latestPosition: head.latestPosition,
          bumpPosition: head.bumpPosition,
        })
      } catch (error) {
        deps.heads.kill(head)
        throw error
      }
    })
  } catch (error) {
    deps.heads.kill(head)
    deps.events.drop(stored)
    throw error
  } finally {
    deps.heads.settle(head)
  }
  for (const key of change.stateKeys) deps.stateKeys.confirm(key)
  const moved = [...(move?.members.keys() ?? []), ...(change.newcomers?.keys() ?? [])]
  for (const user of moved) deps.userRooms.reread(user)
  if (moved.length > 0) deps.membersMoved(head.nid)
  return stored
}

function moveHead(head: Head, move: HeadMove, { stored, target, newcomers }: Change): void {
  head.extremities = move.extremities
  head.chain = move.chain
  head.summary = move.summary
  for (const [key, nid] of move.state) {
    if (nid === 0) head.state.delete(key)
    else head.state.set(key, nid)
  }
  for (const [user, member] of [...(newcomers ?? []), ...move.members]) setMember(head, user, member)
  if (target !== undefined) setMember(head, target, memberFrom(stored.event, stored.nid, stored.sender, 0))
}

async function store(deps: ReceiveDeps, tx: Tx, head: Head, change: Change): Promise<void> {
  const { stored, json, wasOutlier, layers, stateKeys, target, move, redaction, awaits } = change
  for (const key of stateKeys) await deps.stateKeys.store(tx, key)
  for (const layer of layers) await deps.stateSets.store(tx, [layer])
  await (wasOutlier ? placeEvent : insertEvent)(tx, stored, json)
  for (const [user, member] of move?.members ?? [])
    await upsertMember(tx, head.nid, user, { ...member, position: stored.position })
  if (target !== undefined) {
    const member = memberFrom(stored.event, stored.nid, stored.sender, stored.position)
    if (head.members.get(target)?.event === stored.nid) head.members.set(target, member)
    await upsertMember(tx, head.nid, target, member)
  }
  const relation = stored.position === 0 ? undefined : relationOf(stored.event)
  if (relation) await insertRelation(tx, stored, relation)
  if (redaction) {
    await replaceByRedacted(tx, redaction.target.nid, redaction.json, stored.nid)
    await deleteRelation(tx, redaction.target.nid)
  }
  if (move && !change.newcomers) {
    const resets = resetBy(change, move)
    addResets(tx, head.nid, stored.position, resets)
    if (resets.length > 0) deps.resets.note(head.nid, stored.position)
  }
  if (awaits !== undefined) await addPendingRedaction(tx, awaits, stored.nid)
}

/** Places of the state that change with an event, though it is not for them; and its own, where it does not come to hold it. */
function resetBy({ stored: { nid }, own }: Change, { state, chain }: HeadMove): number[] {
  const others = [...state].flatMap(([key, holder]) => (holder === nid || key === own ? [] : [key]))
  return own !== undefined && (state.get(own) ?? holderIn(chain, own)) !== nid ? [...others, own] : others
}

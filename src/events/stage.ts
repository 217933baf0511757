import { authorize, authTypesFor } from '../matrix/auth-rules/index.ts'
import { MatrixError } from '../matrix/errors.ts'
import { buildEvent, type EventFields } from '../matrix/event-build.ts'
import { referenceHash, type RoomEvent } from '../matrix/event.ts'
import type { JsonObject } from '../matrix/json.ts'
import { relationOf, type Relation } from '../matrix/relations.ts'
import type { SigningKey } from '../matrix/signing.ts'
import type { Sequence } from '../storage/index.ts'
import type { Events } from './event-cache.ts'
import { redactionOf, type Redaction } from './redaction.ts'
import { summarise, type Extremity, type Head, type RoomSummary } from './room.ts'
import type { StateKeys } from './state-keys.ts'
import type { StateSets } from './state-sets.ts'
import { standings, type Held, type StoredEvent } from './stored-event.ts'
import type { StateLayer } from './store/state.ts'

/** An event as somebody here wants it, before it has its place in the room. */
export interface Draft {
  readonly type: string
  readonly sender: { readonly nid: number; readonly userId: string }
  readonly content: JsonObject
  readonly stateKey?: string
  /** The event to redact. */
  readonly redacts?: StoredEvent
  readonly device?: number | null
  readonly txnId?: string
  /** Milliseconds; now, unless an application service says otherwise. */
  readonly ts?: number
}

/** A draft with the ids that it needs: all that has to be looked up before the part that must not be interrupted. */
export interface Prepared {
  readonly draft: Draft
  /** The places in the state that decide on it. */
  readonly needs: ReadonlyArray<readonly [type: string, stateKey: string]>
  readonly stateKeyNid: number | undefined
  /** The user whose membership it sets. */
  readonly target: number | undefined
}

/** What one event does to the room, worked out before anything is changed. */
export interface Staged {
  readonly stored: Held
  readonly json: string
  readonly stateKeyNid: number | undefined
  readonly target: number | undefined
  /** The room's state set, summary and newest event after it. */
  readonly chain: readonly StateLayer[]
  readonly summary: RoomSummary
  readonly extremities: readonly Extremity[]
  readonly relation: Relation | undefined
  readonly redaction: Redaction | undefined
}

export interface StageDeps {
  readonly events: Events
  readonly stateKeys: StateKeys
  readonly stateSets: StateSets
  readonly eventIds: Sequence
  readonly serverName: string
  readonly signingKey: SigningKey
  readonly now: () => number
  readonly randomId: () => string
}

/**
 * Builds the events, each upon the one before, and checks them against the auth rules. Nothing is changed; nothing is awaited.
 * @throws {MatrixError} M_FORBIDDEN with the reason; M_TOO_LARGE; M_BAD_JSON.
 */
export function stageAll(deps: StageDeps, room: Head, prepared: readonly Prepared[]): Staged[] {
  const staged: Staged[] = []
  const fresh = new Map<number, StoredEvent>()
  for (const one of prepared) {
    const next = stage(deps, room, one, staged.at(-1), fresh)
    staged.push(next)
    if (next.stateKeyNid !== undefined) fresh.set(next.stateKeyNid, next.stored)
  }
  return staged
}

function stage(
  deps: StageDeps,
  room: Head,
  { draft, stateKeyNid, target }: Prepared,
  before: Staged | undefined,
  fresh: ReadonlyMap<number, StoredEvent>,
): Staged {
  const { chain, summary, extremities } = before ?? room
  const { followed, left } = followable(extremities)
  const holder = (key: number | undefined): StoredEvent | undefined => {
    if (key === undefined) return undefined
    const nid = room.state.get(key)
    return fresh.get(key) ?? (nid === undefined ? undefined : deps.events.peek(nid))
  }
  const lookup = (type: string, stateKey: string): StoredEvent | undefined =>
    holder(deps.stateKeys.peek(type, stateKey))
  const cited = authTypesFor(outlineOf(draft), room.version)
    .map(([type, stateKey]) => lookup(type, stateKey))
    .filter((stored) => stored !== undefined)
  const { event, json } = buildEvent(
    {
      ...outlineOf(draft),
      ...redactionFields(draft, room),
      roomId: draft.type === 'm.room.create' && room.version.createIsRoomId ? '' : room.id,
      prevEvents: followed.map((one) => one.id),
      authEvents: cited.map((stored) => stored.event.id),
      depth: followed.reduce((depth, one) => Math.max(depth, one.depth), 0) + 1,
      ts: draft.ts ?? deps.now(),
      v1:
        room.version.eventFormat === 'v1'
          ? v1Parts(
              deps,
              room,
              followed.map((one) => one.nid),
              cited,
              before,
            )
          : undefined,
    },
    room.version,
    deps.serverName,
    deps.signingKey,
  )
  const verdict = authorize(event, room.version, (type, stateKey) => lookup(type, stateKey)?.event)
  if (!verdict.allowed) throw new MatrixError('M_FORBIDDEN', verdict.reason)

  const relation = relationOf(event)
  const replaced = holder(stateKeyNid)
  const stored: Held = {
    nid: deps.eventIds.next(),
    room: room.nid,
    sender: draft.sender.nid,
    event,
    position: 0,
    size: json.length,
    stateBefore: chain.at(-1)?.nid ?? null,
    standing: standings.accepted,
    device: draft.device ?? null,
    txnId: draft.txnId ?? null,
    replaces: replaced?.nid ?? null,
    redactedBy: null,
    threadRoot: relation?.relType === 'm.thread' ? relation.eventId : null,
  }
  const redaction = draft.redacts && redactionOf(draft.redacts, room.version)
  return {
    stored,
    json,
    stateKeyNid,
    target,
    relation,
    redaction,
    chain:
      stateKeyNid === undefined
        ? chain
        : deps.stateSets.follow(chain, room.state.size, stateKeyNid, replaced?.nid, stored.nid),
    summary: summaryAfter(deps, room, summary, event, redaction),
    extremities: [...left, { nid: stored.nid, id: event.id, depth: event.depth }],
  }
}

/** Events that a new one may name as those before it. @see https://spec.matrix.org/v1.19/rooms/v1/#event-format */
export const mostPrev = 20

/** The newest events that none follows, which a new one follows; of a room in which servers went many ways, some are left for the next. */
function followable(extremities: readonly Extremity[]): {
  readonly followed: readonly Extremity[]
  readonly left: readonly Extremity[]
} {
  if (extremities.length <= mostPrev) return { followed: extremities, left: [] }
  const newest = extremities.toSorted((a, b) => b.depth - a.depth)
  return { followed: newest.slice(0, mostPrev), left: newest.slice(mostPrev) }
}

export const outlineOf = (draft: Draft): Pick<RoomEvent, 'type' | 'sender' | 'stateKey' | 'content'> => ({
  type: draft.type,
  sender: draft.sender.userId,
  stateKey: draft.stateKey,
  content: draft.content,
})

/** Where this room version names the event that is redacted. */
function redactionFields({ redacts, content }: Draft, room: Head): Pick<EventFields, 'redacts' | 'content'> {
  if (!redacts) return { content }
  return room.version.redactsInContent
    ? { content: { ...content, redacts: redacts.event.id } }
    : { content, redacts: redacts.event.id }
}

/** In room versions 1 and 2 an event has an id of its own choosing, and names others by id and hash. */
function v1Parts(
  deps: StageDeps,
  room: Head,
  prev: readonly number[],
  cited: readonly StoredEvent[],
  before: Staged | undefined,
): EventFields['v1'] {
  const known = [...cited, before?.stored, ...prev.map((nid) => deps.events.peek(nid))]
  const referenceHashes = new Map<string, string>()
  for (const stored of known)
    if (stored) referenceHashes.set(stored.event.id, referenceHash(stored.event.pdu, room.version))
  return { eventId: `$${deps.randomId()}:${deps.serverName}`, referenceHashes }
}

/** A redacted state event goes on holding its place, with less to say. */
function summaryAfter(
  deps: StageDeps,
  room: Head,
  summary: RoomSummary,
  event: RoomEvent,
  redaction: Redaction | undefined,
): RoomSummary {
  if (!redaction) return event.stateKey === undefined ? summary : summarise(summary, event)
  const { target } = redaction
  const key =
    target.event.stateKey === undefined ? undefined : deps.stateKeys.peek(target.event.type, target.event.stateKey)
  return key !== undefined && room.state.get(key) === target.nid ? summarise(summary, redaction.event) : summary
}

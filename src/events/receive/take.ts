import { authorize, authTypesFor, checkAuthEvents, stateFromAuthEvents } from '../../matrix/auth-rules/index.ts'
import { redactionApplies } from '../../matrix/auth-rules/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { isEventId } from '../../matrix/ids.ts'
import { powerLevelsFrom } from '../../matrix/power-levels.ts'
import { relationOf } from '../../matrix/relations.ts'
import { forgetRedacted, redactionOf, type Redaction } from '../redaction.ts'
import type { Head, Room } from '../room.ts'
import { holderIn, type Derived } from '../state-sets.ts'
import { standings, type Held, type StoredEvent } from '../stored-event.ts'
import { readPendingRedactions } from '../store/redactions.ts'
import { commitReceived, type Change } from './commit.ts'
import type { ReceiveDeps } from './deps.ts'
import { bringAuthEvents, type Budget, eventsBetween, stateFromOrigin, Unready, unplaced } from './foundations.ts'
import { planMove, targetOf } from './head-move.ts'
import type { Incoming } from './pdu.ts'
import { resolveStates } from './resolve.ts'
import type { Resolver } from './resolver.ts'
import { isPlaced, lookupIn, stateAfter } from './states.ts'

/** What one event is taken with. */
export interface Taking {
  readonly deps: ReceiveDeps
  readonly resolver: Resolver
  readonly room: Room
  readonly origin: string
  readonly budget: Budget
  /** It was fetched for another one: it does not have others fetched before it. */
  readonly isFetched: boolean
  /** It is older than all that is here: where it is put, below zero. */
  readonly past?: number
}

type Before = Derived & { readonly stateKeys?: readonly number[] }

/**
 * Takes one event of another server into its room: what it rests on, the state before it, the three judgements, and the head. Events of
 * one room are taken one after the other; local users send meanwhile.
 * @returns the event as it stands, taken before or now
 * @throws {Unready} when it cannot be judged now
 * @throws {MatrixError} M_BAD_JSON when it mixes rooms
 * @see https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu
 */
export async function take(taking: Taking, incoming: Incoming): Promise<StoredEvent> {
  const { deps, room, origin, budget } = taking
  const { event } = incoming
  const known = await deps.events.byId(event.id)
  const cited = await deps.events.byIds(event.prevEvents)
  if (known?.room !== undefined && known.room !== room.nid) throw elsewhere(event.id)
  for (const prev of cited.values()) if (prev.room !== room.nid) throw elsewhere(prev.event.id)
  if (known && (isPlaced(known) || known.standing === standings.rejected)) return known
  await bringAuthEvents(deps, room, event, origin, budget)
  let isRejected = !(await restsWell(deps, room, incoming))
  const before = await stateBefore(taking, incoming)
  if (!isRejected) {
    const state = await lookupIn(deps, before.chain, event, room.version, authTypesFor(event, room.version))
    isRejected = !authorize(event, room.version, state).allowed
  }
  const stored = await hold(deps, room, incoming, known, before, isRejected)
  if (isRejected) return commitReceived(deps, await headOf(deps, room), unmoved(stored, incoming, known, before))
  const change = await changeBy(taking, incoming, stored, known, before)
  return taking.past === undefined ? place(taking, change, before) : placeInPast(taking, change, taking.past)
}

/** State of another room would become state of this one. */
const elsewhere = (id: string): MatrixError => new MatrixError('M_BAD_JSON', `The event ${id} is of another room`)

/** Whether what the event cites may be cited, and allows it. */
async function restsWell(deps: ReceiveDeps, { version }: Room, { event }: Incoming): Promise<boolean> {
  const create = version.createIsRoomId ? [`$${event.roomId.slice(1)}`] : []
  const cited = await deps.events.byIds([...event.authEvents, ...create])
  const get = (id: string) => cited.get(id)?.event
  const isRejected = (id: string): boolean => cited.get(id)?.standing === standings.rejected
  const verdict = checkAuthEvents(event, version, get, isRejected)
  if (!verdict.allowed && verdict.rule === 'auth-events.missing') throw new Unready(verdict.reason)
  return verdict.allowed && authorize(event, version, stateFromAuthEvents(event, version, get, isRejected)).allowed
}

/** The one state of what came before; where that is not here, what the server that sent the event says it was. */
async function stateBefore(taking: Taking, { event }: Incoming): Promise<Before> {
  const { deps, resolver, room, origin, budget, isFetched } = taking
  let absent = await unplaced(deps, event.prevEvents)
  if (absent.length > 0 && !isFetched) {
    const head = await headOf(deps, room)
    for (const one of await eventsBetween(deps, head, event, origin, budget)) {
      try {
        await take({ ...taking, isFetched: true }, one)
      } catch (error) {
        if (!(error instanceof Unready) && !(error instanceof MatrixError)) throw error
      }
    }
    absent = await unplaced(deps, event.prevEvents)
  }
  if (absent.length > 0) return stateFromOrigin(deps, room, event, origin, budget)
  const states: Derived[] = []
  for (const prev of (await deps.events.byIds(event.prevEvents)).values()) states.push(await stateAfter(deps, prev))
  const { chain, fresh } = await resolveStates(
    deps,
    resolver,
    room.version,
    states.map((state) => state.chain),
  )
  return { chain, fresh: [...new Set([...states.flatMap((state) => state.fresh), ...fresh])] }
}

async function headOf(deps: ReceiveDeps, room: Room): Promise<Head> {
  const head = await deps.heads.get(room.nid)
  if (!head) throw new Error(`Room ${room.id} is gone`)
  return head
}

async function hold(
  deps: ReceiveDeps,
  room: Room,
  { event, json }: Incoming,
  known: StoredEvent | undefined,
  before: Before,
  isRejected: boolean,
): Promise<Held> {
  const key = event.stateKey === undefined ? undefined : await deps.stateKeys.intern(event.type, event.stateKey)
  const relation = relationOf(event)
  return {
    nid: known?.nid ?? deps.eventIds.next(),
    room: room.nid,
    sender: await deps.users.intern(event.sender),
    event,
    position: 0,
    size: json.length,
    stateBefore: before.chain.at(-1)?.nid ?? null,
    standing: isRejected ? standings.rejected : standings.accepted,
    device: null,
    txnId: null,
    replaces: (key !== undefined && holderIn(before.chain, key)) || null,
    redactedBy: null,
    threadRoot: relation?.relType === 'm.thread' ? relation.eventId : null,
  }
}

const unmoved = (stored: Held, { json }: Incoming, known: StoredEvent | undefined, before: Before): Change => ({
  stored,
  json,
  wasOutlier: known !== undefined,
  layers: before.fresh,
  stateKeys: before.stateKeys ?? [],
  target: undefined,
  redaction: undefined,
  awaits: undefined,
  move: undefined,
})

/** What an event that is good where it stands does, the head left aside. */
async function changeBy(
  { deps, room }: Taking,
  incoming: Incoming,
  stored: Held,
  known: StoredEvent | undefined,
  before: Before,
): Promise<Change> {
  const { type, stateKey } = incoming.event
  const redaction = await redactionBy(deps, room, stored, before)
  const json = await redactedAlready(deps, room, stored, incoming)
  const own = stateKey === undefined ? undefined : await deps.stateKeys.intern(type, stateKey)
  return {
    ...unmoved(stored, { event: incoming.event, json }, known, before),
    stateKeys: [...(before.stateKeys ?? []), ...(own === undefined ? [] : [own])],
    own,
    redaction: redaction?.known,
    awaits: redaction?.awaits,
  }
}

/** Judges an event that is good where it stands by the current state, and moves the head on to it. */
async function place(taking: Taking, change: Change, { chain }: Before): Promise<StoredEvent> {
  const { deps } = taking
  const { stored } = change
  const { type, stateKey } = stored.event
  const after =
    stateKey === undefined
      ? { chain, fresh: [] }
      : await deps.stateSets.derive(chain, new Map([[await deps.stateKeys.intern(type, stateKey), stored.nid]]))
  // What is worked out next looks the event up.
  deps.events.put(stored)
  try {
    return await onHead(taking, change, after)
  } catch (error) {
    deps.events.drop(stored)
    throw error
  }
}

/** Puts an event before all that is here: the head stays, and nobody is told. */
async function placeInPast({ deps, room }: Taking, change: Change, position: number): Promise<StoredEvent> {
  change.stored.position = position
  const stored = await commitReceived(deps, await headOf(deps, room), change)
  if (change.redaction) forgetRedacted(deps, change.redaction, stored.nid)
  return stored
}

async function onHead({ deps, resolver, room }: Taking, change: Change, after: Derived): Promise<StoredEvent> {
  const { stored } = change
  const { event } = stored
  for (;;) {
    const head = await headOf(deps, room)
    const { extremities, chain } = head
    const now = await lookupIn(deps, chain, event, room.version, authTypesFor(event, room.version))
    const isGood = authorize(event, room.version, now).allowed
    const move = isGood ? await planMove(deps, resolver, head, stored, after) : undefined
    const target = await targetOf(deps, stored, move)
    // Somebody here has sent something meanwhile: it is looked at anew.
    const stays = head.extremities === extremities && head.chain === chain
    if (head.dead || !stays || deps.heads.peek(room.nid) !== head) continue
    if (move)
      return commitReceived(deps, head, {
        ...change,
        layers: [...new Set([...change.layers, ...move.fresh])],
        target,
        move,
      })
    stored.standing = standings.softFailed
    return commitReceived(deps, head, { ...change, redaction: undefined, awaits: undefined })
  }
}

/** What an event redacts: an event that is here and may be redacted by it, or one that has not come. */
async function redactionBy(
  deps: ReceiveDeps,
  room: Room,
  stored: Held,
  before: Before,
): Promise<{ readonly known?: Redaction; readonly awaits?: string } | undefined> {
  const { redacts } = stored.event
  if (!isEventId(redacts)) return undefined
  const target = await deps.events.byId(redacts)
  if (!target || !isPlaced(target)) return { awaits: redacts }
  if (target.redactedBy !== null || !(await mayRedact(deps, room, stored, before.chain, target))) return undefined
  return { known: redactionOf(target, room.version) }
}

async function mayRedact(
  deps: ReceiveDeps,
  { version }: Room,
  redaction: StoredEvent,
  chain: Before['chain'],
  target: StoredEvent,
): Promise<boolean> {
  const state = await lookupIn(deps, chain, redaction.event, version, [['m.room.power_levels', '']])
  const levels = powerLevelsFrom(state('m.room.power_levels', ''), state('m.room.create', ''), version)
  return target.event.type !== 'm.room.create' && redactionApplies(redaction.event, target.event, levels, version)
}

/** Applies a redaction that came before its event. @returns the JSON that is to be stored */
async function redactedAlready(deps: ReceiveDeps, room: Room, stored: Held, { json }: Incoming): Promise<string> {
  for (const redaction of await deps.events.many(await readPendingRedactions(deps.database.read, stored.event.id))) {
    if (redaction.standing !== standings.accepted || redaction.stateBefore === null) continue
    const chain = await deps.stateSets.chain(redaction.stateBefore)
    if (!(await mayRedact(deps, room, redaction, chain, stored))) continue
    const redacted = redactionOf(stored, room.version)
    stored.event = redacted.event
    stored.redactedBy = redaction.nid
    return redacted.json
  }
  return json
}

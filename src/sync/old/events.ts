import type { Session } from '../../http/index.ts'
import type { StoredEvent } from '../../events/index.ts'
import { enter } from '../../history/index.ts'
import type { OldSyncDeps } from './deps.ts'

export interface EventsWish {
  /** Undefined: from now on. */
  readonly from: number | undefined
  /** Milliseconds. */
  readonly timeout: number
  /** Of this room alone, which the user need not be in where all the world may read it. */
  readonly room: string | undefined
}

/** Of each room at most the newest are given: who is further behind asks for the room's messages. */
const mostOfRoom = 100
/** Nothing wakes somebody who looks into a room without being in it. */
const lookAgainMs = 500

/** What has happened since, as JSON text; waits for something for a while. */
export async function eventsSince(
  deps: OldSyncDeps,
  session: Session,
  { from, timeout, room }: EventsWish,
  signal: AbortSignal,
): Promise<string> {
  using watch = deps.log.watch(session.user)
  const since = from ?? deps.log.now
  const deadline = deps.now() + timeout
  for (;;) {
    const until = deps.log.now
    const chunk =
      room === undefined ? await ofAll(deps, session, since, until) : await ofRoom(deps, session, room, since, until)
    const left = deadline - deps.now()
    if (chunk.length > 0 || left <= 0 || signal.aborted)
      return `{"start":"${since}","end":"${Math.max(since, until)}","chunk":[${chunk.join(',')}]}`
    await watch.wait(room === undefined ? left : Math.min(left, lookAgainMs), signal)
  }
}

const newest = (deps: OldSyncDeps, room: number, since: number, until: number): Promise<StoredEvent[]> =>
  deps.rooms.timeline({ room, above: since, upTo: until, limit: mostOfRoom, dir: 'b' })

async function texts(deps: OldSyncDeps, session: Session, events: readonly StoredEvent[]): Promise<string[]> {
  const ignored = await deps.accountData.ignored(session.user)
  const seen = (await deps.history.visible(session, events)).filter(
    ({ event }) => event.stateKey !== undefined || !ignored.has(event.sender),
  )
  return deps.history.serialise(
    seen.toSorted((a, b) => a.position - b.position),
    { session, device: session.device, now: deps.now(), withRoomId: true },
  )
}

async function ofRoom(
  deps: OldSyncDeps,
  session: Session,
  roomId: string,
  since: number,
  until: number,
): Promise<string[]> {
  const { room } = await enter(deps, session, roomId)
  return texts(deps, session, await newest(deps, room.nid, since, until))
}

async function ofAll(deps: OldSyncDeps, session: Session, since: number, until: number): Promise<string[]> {
  const joined = [...(await deps.rooms.of(session.user))]
    .filter(([, { membership }]) => membership === 'join')
    .map(([nid]) => nid)
  const events: StoredEvent[] = []
  for (const room of await deps.rooms.changedSince(joined, since))
    events.push(...(await newest(deps, room, since, until)))
  const others: string[] = []
  for (const [nid, contents] of await deps.receipts.since(session.user, joined, since, until)) {
    const roomId = (await deps.rooms.byNid(nid))?.id
    for (const content of contents) others.push(JSON.stringify({ type: 'm.receipt', room_id: roomId, content }))
  }
  for (const event of await deps.presence.since(session.user, since, until)) others.push(JSON.stringify(event))
  return [...(await texts(deps, session, events)), ...others]
}

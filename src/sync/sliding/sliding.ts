import { emptyState, type Changes, type Connection } from './connection.ts'
import type { Connections } from './connections.ts'
import { extensionBits, extensionsAnswer } from './extensions/index.ts'
import type { FilterDeps } from './filters.ts'
import type { PickDeps } from './pick-state.ts'
import type { PlacesCache } from './places.ts'
import { newAllowance } from '../room-window.ts'
import { posText, type SlidingRequest } from './request.ts'
import type { RoomContext } from './room-task.ts'
import { roomsAnswer, type RoomsAnswer } from './rooms-answer.ts'
import { unknownPos } from './connections.ts'
import { readRoomsReadOn } from './store.ts'
import type { SlidingDeps } from './deps.ts'
import { wantedRooms, type WantedRooms } from './wanted.ts'

/** The deps with what sliding sync keeps in memory for all. */
export interface SlidingParts extends SlidingDeps, FilterDeps, PickDeps {
  readonly connections: Connections
  readonly places: PlacesCache
}

/**
 * Answers a sliding sync: at once when the client begins, or when there is something to tell, else when something comes or the time
 * is up.
 * @returns the answer as JSON text
 * @throws {MatrixError} M_UNKNOWN_POS
 */
export async function slidingSync(parts: SlidingParts, request: SlidingRequest, signal: AbortSignal): Promise<string> {
  const { session, pos } = request
  using watch = parts.log.watch(session.user)
  if (pos && pos.position > parts.log.now) throw unknownPos()
  const connection = await parts.connections.open(session.device ?? -session.user, request.connId, pos)
  const { turn } = connection
  const deadline = parts.now() + (pos ? request.timeout : 0)
  for (;;) {
    const answer = await compute(parts, request, connection)
    const left = deadline - parts.now()
    if (answer.isNews && watch.wokenAt !== undefined) parts.onWoken?.(performance.now() - watch.wokenAt)
    if (!pos || answer.isNews || left <= 0 || signal.aborted || connection.turn !== turn) {
      const next = parts.connections.answer(connection, { turn, pos }, answer.until, answer.changes, answer.members)
      return `{"pos":"${posText(next)}"${answer.text}}`
    }
    await watch.wait(left, signal)
  }
}

interface Answer {
  readonly text: string
  readonly until: number
  readonly isNews: boolean
  readonly changes: Changes
  readonly members: readonly number[]
}

const noRooms: WantedRooms = { rooms: new Map(), counts: new Map() }
const nothingTold: RoomsAnswer = { texts: new Map(), changes: new Map(), members: [], shown: new Map(), active: [] }

async function compute(parts: SlidingParts, request: SlidingRequest, connection: Connection): Promise<Answer> {
  const { session } = request
  const hasRooms = request.lists.size > 0 || request.subscriptions.size > 0 || connection.rooms.size > 0
  const places = hasRooms ? await parts.places.of(session.user) : undefined
  // What is read from here on is bounded by this, whatever comes while it is read.
  const until = places?.upTo ?? parts.log.now
  const context = await contextOf(parts, request, connection, until)
  const wanted = places ? await wantedRooms(parts, request, places) : noRooms
  const answered = places ? await roomsAnswer(context, connection, places, wanted) : nothingTold
  const memberships = await parts.rooms.of(session.user)
  const extensions = await extensionsAnswer({ ...context, request, connection, memberships, wanted, answered })
  const members: string[] = []
  if (request.txnId !== undefined) members.push(`"txn_id":${JSON.stringify(request.txnId)}`)
  members.push(
    `"lists":{${[...wanted.counts].map(([name, count]) => `${JSON.stringify(name)}:{"count":${count}}`).join(',')}}`,
  )
  members.push(`"rooms":{${[...answered.texts].map(([id, text]) => `${JSON.stringify(id)}:${text}`).join(',')}}`)
  members.push(`"extensions":{${extensions.text}}`)
  return {
    text: members.map((member) => `,${member}`).join(''),
    until,
    isNews: answered.texts.size > 0 || extensions.isNews,
    changes: { rooms: answered.changes, extensions: extensionBits({ request }) },
    members: answered.members,
  }
}

async function contextOf(
  parts: SlidingParts,
  { session, pos }: SlidingRequest,
  connection: Connection,
  until: number,
): Promise<RoomContext> {
  const since = pos?.position
  const [ignored, directs] = await Promise.all([
    parts.accountData.ignored(session.user),
    parts.labels.directs(session.user),
  ])
  const isBehind = since !== undefined && connection.state !== emptyState && !parts.log.tail.covers(since)
  return {
    deps: parts,
    session,
    since,
    until,
    now: parts.now(),
    allowance: newAllowance(parts.memory),
    ignored,
    directs,
    sentMembers: connection.members,
    read: isBehind ? await readRoomsReadOn(parts.database.read, session.user, since) : undefined,
  }
}

import { deviceLists, ownMoves } from './device-lists.ts'
import type { RoomCounts, SyncDeps } from './deps.ts'
import type { Room, UserRoom } from '../events/index.ts'
import type { RoomContext } from './history.ts'
import type { LazyLoading } from './lazy-loading.ts'
import { roomNews } from './news.ts'
import type { Owed } from './owed.ts'
import type { SyncRequest } from './request.ts'
import { newAllowance } from './room-window.ts'
import { roomSections, type Sections } from './sections.ts'

/** What is remembered of clients between their syncs; all of it may be forgotten. */
export interface SyncMemory {
  readonly lazy: LazyLoading
  readonly owed: Owed
}

/**
 * Answers a sync: at once when there is something to tell, or when something comes, or when the time is up.
 * @returns the answer as JSON text
 * @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3sync
 */
export async function sync(
  deps: SyncDeps,
  memory: SyncMemory,
  request: SyncRequest,
  signal: AbortSignal,
): Promise<string> {
  using watch = deps.log.watch(request.session.user)
  const answersAtOnce = request.since === undefined || request.fullState
  const deadline = deps.now() + (answersAtOnce ? 0 : request.timeout)
  for (;;) {
    const answer = await compute(deps, memory, request)
    const left = deadline - deps.now()
    if (!answer.isEmpty && watch.wokenAt !== undefined) deps.onWoken?.(performance.now() - watch.wokenAt)
    if (!answer.isEmpty || left <= 0 || signal.aborted) return answer.text
    await watch.wait(left, signal)
    // The client has gone, or the server is stopping.
    if (signal.aborted) return answer.text
  }
}

interface Answer {
  readonly text: string
  readonly isEmpty: boolean
}

async function compute(deps: SyncDeps, memory: SyncMemory, request: SyncRequest): Promise<Answer> {
  const { session, since, filter } = request
  const span = { since: since ?? 0, until: deps.log.now }
  const isInitial = since === undefined
  // Every answer proves what the client has: messages to the device that came with the token are deleted.
  const toDevice = session.device === null ? [] : await deps.toDevice.take(session.device, since, span.until)
  const parts: string[] = []
  if (session.device !== null) {
    const { counts, unusedFallback } = await deps.deviceLists.keys(session.device)
    parts.push(
      `"device_one_time_keys_count":${JSON.stringify(counts)}`,
      `"device_unused_fallback_key_types":${JSON.stringify(unusedFallback)}`,
    )
  }
  const always = parts.length
  const isQuiet = !isInitial && span.until <= span.since && toDevice.length === 0 && !request.fullState
  if (isQuiet && memory.owed.of(session, span.since).length === 0)
    return { text: answerText(span.until, parts), isEmpty: true }

  const [memberships, accountData, ignored] = await Promise.all([
    deps.rooms.of(session.user),
    deps.accountData.since(session.user, span.since, span.until),
    deps.accountData.ignored(session.user),
  ])
  const news = await roomNews(deps, {
    user: session.user,
    memberships,
    span,
    isInitial,
    accountData: accountData.rooms,
  })
  const counts: RoomContext['counts'] = isInitial ? await countAll(deps, session.user, memberships) : new Map()
  const context: RoomContext = {
    deps,
    request,
    lazy: memory.lazy,
    ignored,
    now: deps.now(),
    allowance: newAllowance(deps.memory),
    counts,
  }
  const sections = await roomSections(context, memberships, news, span, memory.owed)

  const rooms = roomsText(sections)
  if (rooms) parts.push(`"rooms":{${rooms}}`)
  const global = accountData.global.filter((event) => filter.accountData.matches(event))
  if (global.length > 0)
    parts.push(`"account_data":{"events":${JSON.stringify(global.map(({ type, content }) => ({ type, content })))}}`)
  const moves = isInitial ? { rooms: [] } : await ownMoves(deps, memberships, span)
  // Of those whom the user has just come to share a room with nothing is known yet.
  const presenceSince = moves.rooms.some(({ joined }) => joined) ? 0 : span.since
  const presence = filter.presence.none
    ? []
    : (await deps.presence.since(session.user, presenceSince, span.until)).filter((event) =>
        filter.presence.matches(event),
      )
  if (presence.length > 0) parts.push(`"presence":{"events":${JSON.stringify(presence)}}`)
  if (toDevice.length > 0) parts.push(`"to_device":{"events":${JSON.stringify(toDevice)}}`)
  const changedLists = isInitial ? undefined : await deviceLists(deps, session.user, memberships, span, moves)
  if (changedLists) parts.push(`"device_lists":${JSON.stringify(changedLists)}`)
  return { text: answerText(span.until, parts), isEmpty: parts.length === always && !isInitial && !request.fullState }
}

const answerText = (position: number, parts: readonly string[]): string =>
  `{${[`"next_batch":"${position}"`, ...parts].join(',')}}`

/** Counts for all rooms at once. */
async function countAll(
  { rooms, unread }: SyncDeps,
  user: number,
  memberships: ReadonlyMap<number, UserRoom>,
): Promise<ReadonlyMap<number, RoomCounts>> {
  const found: Room[] = []
  for (const [nid, { membership }] of memberships) {
    // A room that cannot be read is left out later on.
    const room =
      membership === 'join' ? (rooms.peek(nid) ?? (await rooms.byNid(nid).catch(() => undefined))) : undefined
    if (room) found.push(room)
  }
  return unread.countsOfMany(user, found)
}

function roomsText(sections: Sections): string {
  const texts: string[] = []
  for (const [section, rooms] of Object.entries(sections)) {
    if (rooms.length > 0)
      texts.push(`"${section}":{${rooms.map(([roomId, text]) => `${JSON.stringify(roomId)}:${text}`).join(',')}}`)
  }
  return texts.join(',')
}

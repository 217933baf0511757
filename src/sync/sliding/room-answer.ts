import { own } from '../../matrix/json.ts'
import { everything } from '../../matrix/filter.ts'
import type { Room, StoredEvent } from '../../events/index.ts'
import { timelineOf, wantedBy, type Timeline } from '../room-window.ts'
import { heroesOf } from '../summary.ts'
import { knownLive, type Known } from './connection.ts'
import type { Changed, RoomContext, RoomTask } from './room-task.ts'
import { stateNews } from './state-news.ts'

export interface RoomAnswer {
  readonly text: string
  readonly known: Known
  /** Short ids of the member events in it. */
  readonly members: readonly number[]
  /** Ids of the events in its timeline. */
  readonly events: readonly string[]
}

/** A room as the answer has it; undefined: there is nothing to tell. */
export async function roomAnswer(context: RoomContext, task: RoomTask): Promise<RoomAnswer | undefined> {
  const { deps, session, since } = context
  const { room, known, config, joined } = task
  const expanded = known !== undefined && config.timelineLimit > known.timeline
  const timeline = await timelineFor(context, task, expanded)
  const shown = !known || expanded ? await deps.visible(session, room, timeline.events) : timeline.events
  const state = await stateNews(context, task, { shown, limited: timeline.limited })
  if (known && !task.always && !expanded && shown.length === 0 && state.events.length === 0) return undefined

  const reader = { session, device: session.device, now: context.now, withRoomId: false }
  const [timelineTexts, stateTexts] = await Promise.all([
    deps.serialise(shown, reader),
    deps.serialise(state.events, { ...reader, lean: true }),
  ])
  const first = timeline.events[0]
  const parts = [`"bump_stamp":${task.order}`, ...nameParts(task, state.changed)]
  if (!known) parts.push('"initial":true')
  if (expanded) parts.push('"expanded_timeline":true', '"unstable_expanded_timeline":true')
  if (known ? context.directs.position > task.from : context.directs.roomIds.has(room.id))
    parts.push(`"is_dm":${context.directs.roomIds.has(room.id)}`)
  if (stateTexts.length > 0) parts.push(`"required_state":[${stateTexts.join(',')}]`)
  parts.push(
    `"timeline":[${timelineTexts.join(',')}]`,
    `"limited":${timeline.limited}`,
    `"prev_batch":"${first ? first.position - 1 : task.horizon}"`,
  )
  parts.push(`"num_live":${since === undefined ? 0 : shown.filter((stored) => stored.position > since).length}`)
  if (joined) parts.push(...(await memberParts(context, task, state.changed)), await countPart(context, room))
  return {
    text: `{${parts.join(',')}}`,
    known: knownLive(state.required, knownTimeline(task, timeline, expanded)),
    members: state.events.filter(({ event }) => event.type === 'm.room.member').map(({ nid }) => nid),
    events: shown.map(({ event }) => event.id),
  }
}

function timelineFor(
  { deps, ignored, allowance }: RoomContext,
  { room, known, from, horizon, config }: RoomTask,
  expanded: boolean,
): Promise<Timeline> {
  const since = !known || expanded ? Number.MIN_SAFE_INTEGER : from
  return timelineOf(
    deps,
    room.nid,
    { since, until: horizon },
    config.timelineLimit,
    wantedBy(everything.room.timeline, ignored),
    allowance,
  )
}

function knownTimeline({ known, config }: RoomTask, { limited }: Timeline, expanded: boolean): number {
  if (known && !expanded) return limited ? Math.min(known.timeline, config.timelineLimit) : known.timeline
  return limited ? config.timelineLimit : Infinity
}

/** Longer values are in the event alone: a list has no use for them. */
const longestShown = 1000

const textIn = (stored: StoredEvent | undefined, key: string): string | null => {
  const value = own(stored?.event.content, key)
  return typeof value === 'string' && value !== '' && value.length <= longestShown ? value : null
}

function nameParts({ known }: RoomTask, changed: Changed): string[] {
  const parts: string[] = []
  for (const [type, key, name] of [
    ['m.room.name', 'name', 'name'],
    ['m.room.avatar', 'url', 'avatar'],
  ] as const) {
    const value = textIn(changed.get(type), key)
    // To who knows nothing of the room, what is left out is not set.
    if (changed.has(type) && (known || value !== null)) parts.push(`"${name}":${JSON.stringify(value)}`)
  }
  return parts
}

async function memberParts(
  { deps, session }: RoomContext,
  { room, known }: RoomTask,
  changed: Changed,
): Promise<string[]> {
  if (known && !changed.has('m.room.member') && !changed.has('m.room.name')) return []
  const parts = [`"joined_count":${room.joined.size}`, `"invited_count":${room.invited}`]
  if (room.summary.name !== null) return parts
  const nids = heroesOf(room, session.user)
  const names = await deps.users.namesOf(nids)
  const heroes = nids.map((nid) => {
    const member = room.members.get(nid)
    return {
      user_id: names.get(nid),
      ...(member?.displayName && { displayname: member.displayName }),
      ...(member?.avatarUrl && { avatar_url: member.avatarUrl }),
    }
  })
  return [...parts, `"heroes":${JSON.stringify(heroes)}`]
}

/** What is unread outside of threads. */
async function countPart({ deps, session }: RoomContext, room: Room): Promise<string> {
  const { main } = await deps.unread.counts(session.user, room)
  return `"notification_count":${main.notification},"highlight_count":${main.highlight}`
}

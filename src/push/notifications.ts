import type { Receipts } from '../ephemeral/index.ts'
import { evaluate, type Actions, type CompiledRules } from '../matrix/push-rules/index.ts'
import { powerLevelOf } from '../matrix/power-levels.ts'
import { type Member, type Room, type Rooms, standings, type StoredEvent } from '../events/index.ts'
import { powerLevelsOf } from '../rooms/index.ts'
import { isRead, mainThread } from './ledger.ts'
import type { PushRules } from './rules.ts'
import { stayStarts } from './stays.ts'

export interface NotificationsDeps {
  readonly rooms: Rooms
  readonly rules: PushRules
  readonly receipts: Pick<Receipts, 'readUpTo'>
  /** User ids whose events the user does not want to see. */
  readonly ignored: (user: number) => ReadonlySet<string> | Promise<ReadonlySet<string>>
}

/** An event that the user's rules have them told of. */
export interface Notified {
  readonly stored: StoredEvent
  readonly room: Room
  readonly actions: Actions
  readonly read: boolean
}

export interface WantedNotifications {
  readonly user: number
  readonly userId: string
  /** Events before this position only. */
  readonly before: number
  readonly limit: number
  readonly highlights: boolean
}

/** So many events are looked at for one answer; where few of them are notifications, it has few, and a token to go on. */
const mostLookedAt = 2000
const batch = 50

/** One room on its way back in time. */
interface Course {
  readonly room: Room
  readonly member: Member
  /** Where the user's stay began; undefined until it has been looked up. */
  start: number | undefined
  /** Newest first; what is next is the last. */
  events: StoredEvent[]
  /** What is older than all of `events` is at or below it. */
  below: number
}

const nextOf = ({ events, below }: Course): number => events.at(-1)?.position ?? below

/**
 * What a user was notified of, newest first: nothing is written for it, so it is worked out with the rules as they are now. The
 * rooms are followed back together, each read only as far as it takes part.
 * @returns also the position to go on before; undefined when there is nothing before it
 */
export async function notificationsOf(
  deps: NotificationsDeps,
  wanted: WantedNotifications,
): Promise<{ found: Notified[]; next: number | undefined }> {
  const [rules, ignored] = [await deps.rules.compiled(wanted.user), await deps.ignored(wanted.user)]
  const courses = await coursesOf(deps, wanted)
  const found: Notified[] = []
  for (let looked = 0; courses.size > 0; looked++) {
    const course = [...courses].reduce((newest, one) => (nextOf(one) > nextOf(newest) ? one : newest))
    if (found.length >= wanted.limit || looked >= mostLookedAt) return { found, next: nextOf(course) + 1 }
    const stored = course.events.pop()
    if (stored) {
      if (stored.standing !== standings.accepted || stored.redactedBy !== null || ignored.has(stored.event.sender))
        continue
      const one = await judged(deps, wanted, rules, course, stored)
      if (one) found.push(one)
    } else if (!(await readOn(deps, course))) courses.delete(course)
  }
  return { found, next: undefined }
}

async function coursesOf({ rooms }: NotificationsDeps, { user, before }: WantedNotifications): Promise<Set<Course>> {
  const courses = new Set<Course>()
  for (const [nid, { membership }] of await rooms.of(user)) {
    const room = membership === 'join' ? (rooms.peek(nid) ?? (await rooms.byNid(nid))) : undefined
    const member = room?.members.get(user)
    if (room && member)
      courses.add({ room, member, start: undefined, events: [], below: Math.min(before - 1, room.latestPosition) })
  }
  return courses
}

/** False when the room has nothing before. */
async function readOn({ rooms }: NotificationsDeps, course: Course): Promise<boolean> {
  const { room, member } = course
  course.start ??= (await stayStarts(rooms, [{ room, member }])).get(room.nid) ?? member.position
  if (course.below <= course.start) return false
  const events = await rooms.timeline({
    room: room.nid,
    above: course.start,
    upTo: course.below,
    limit: batch,
    dir: 'b',
  })
  course.events = events.toReversed()
  course.below = (events.at(-1)?.position ?? 0) - 1
  return events.length > 0
}

async function judged(
  deps: NotificationsDeps,
  { user, userId, highlights }: WantedNotifications,
  rules: CompiledRules,
  { room, member }: Course,
  stored: StoredEvent,
): Promise<Notified | undefined> {
  const levels = await powerLevelsOf(deps.rooms, room)
  const actions = evaluate(rules, deps.rules.viewOf(stored.event), {
    userId,
    displayName: member.displayName ?? undefined,
    memberCount: room.joined.size,
    senderPower: powerLevelOf(levels, stored.event.sender),
    notificationLevels: levels.notifications,
  })
  if (!actions.notify || (highlights && !actions.highlight)) return undefined
  const read = isRead(await deps.receipts.readUpTo(user, room.nid), stored.threadRoot ?? mainThread, stored.position)
  return { stored, room, actions, read }
}

import { own } from '../matrix/json.ts'
import type { RoomEvent } from '../matrix/event.ts'
import type { RoomVersion } from '../matrix/room-version.ts'
import type { Recent } from './recent.ts'
import type { StateLayer } from './store/state.ts'

export type Membership = 'join' | 'invite' | 'knock' | 'leave' | 'ban'

/** How a user stands to a room now. */
export interface Member {
  readonly membership: Membership
  /** Short id of the member event. */
  readonly event: number
  readonly sender: number
  readonly position: number
  readonly displayName: string | null
  readonly avatarUrl: string | null
}

/** An event that none follows yet. */
export interface Extremity {
  readonly nid: number
  readonly id: string
  readonly depth: number
}

/** What lists of rooms show, kept beside the state so that none of them computes it. Null: not set, or not of the right type. */
export interface RoomSummary {
  readonly name: string | null
  readonly topic: string | null
  readonly avatarUrl: string | null
  readonly canonicalAlias: string | null
  readonly joinRule: string
  readonly historyVisibility: string
  readonly guestAccess: string
  readonly roomType: string | null
  readonly encryption: string | null
  /** Room id of the room that took its place. */
  readonly successor: string | null
}

/**
 * A room as others see it: to be read, and soon, since it moves on with every event. Whoever wants something done hands the room in
 * and is given back what came of it.
 */
export interface Room {
  readonly nid: number
  readonly id: string
  readonly version: RoomVersion
  readonly creator: number
  readonly createdTs: number
  /** The layers of the current state set. */
  readonly chain: readonly StateLayer[]
  /** State key nid to event nid. */
  readonly state: ReadonlyMap<number, number>
  /** Every user that ever had to do with the room, by nid. */
  readonly members: ReadonlyMap<number, Member>
  readonly joined: ReadonlySet<number>
  readonly invited: number
  readonly extremities: readonly Extremity[]
  readonly latestPosition: number
  readonly bumpPosition: number
  readonly published: boolean
  readonly summary: RoomSummary
  /** Changes on their way to the database, which this says already. */
  readonly pending: number
  /** One of them failed: what this says has not come about. */
  readonly dead: boolean
}

/**
 * The head of a room: its current state, members and newest events, in memory, in one place at a time, with its owner (`heads.ts`).
 * It runs ahead of the database by what is being committed; should that fail, it is dead, and the room is read anew.
 */
export interface Head extends Room {
  chain: readonly StateLayer[]
  readonly state: Map<number, number>
  readonly members: Map<number, Member>
  readonly joined: Set<number>
  invited: number
  extremities: readonly Extremity[]
  latestPosition: number
  bumpPosition: number
  published: boolean
  summary: RoomSummary
  /** Its newest events; absent until somebody asks for them. */
  recent?: Recent
  pending: number
  dead: boolean
  /** Called when `pending` comes to 0. */
  readonly whenSettled: Array<() => void>
}

export const emptySummary: RoomSummary = {
  name: null,
  topic: null,
  avatarUrl: null,
  canonicalAlias: null,
  joinRule: 'invite',
  historyVisibility: 'shared',
  guestAccess: 'forbidden',
  roomType: null,
  encryption: null,
  successor: null,
}

/** Longer values, and those with a zero in them, are kept in the event alone: a list has no use for them, and columns hold no zero. */
const longestShown = 1000

const text = (event: RoomEvent, key: string): string | null => {
  const value = own(event.content, key)
  const isShown = typeof value === 'string' && value !== '' && value.length <= longestShown && !value.includes('\0')
  return isShown ? value : null
}

/** The summary after a state event with an empty state key. Values of the wrong type count as not set. */
export function summarise(summary: RoomSummary, event: RoomEvent): RoomSummary {
  if (event.stateKey !== '') return summary
  switch (event.type) {
    case 'm.room.name':
      return { ...summary, name: text(event, 'name') }
    case 'm.room.topic':
      return { ...summary, topic: text(event, 'topic') }
    case 'm.room.avatar':
      return { ...summary, avatarUrl: text(event, 'url') }
    case 'm.room.canonical_alias':
      return { ...summary, canonicalAlias: text(event, 'alias') }
    case 'm.room.join_rules':
      return { ...summary, joinRule: text(event, 'join_rule') ?? 'invite' }
    case 'm.room.history_visibility':
      return { ...summary, historyVisibility: text(event, 'history_visibility') ?? 'shared' }
    case 'm.room.guest_access':
      return { ...summary, guestAccess: text(event, 'guest_access') ?? 'forbidden' }
    case 'm.room.create':
      return { ...summary, roomType: text(event, 'type') }
    case 'm.room.encryption':
      return { ...summary, encryption: text(event, 'algorithm') }
    case 'm.room.tombstone':
      return { ...summary, successor: text(event, 'replacement_room') }
    default:
      return summary
  }
}

const memberships = new Set<string>(['join', 'invite', 'knock', 'leave', 'ban'])

/** The membership that a member event gives; anything unknown counts as having left. */
export function membershipIn(event: RoomEvent): Membership {
  const value = own(event.content, 'membership')
  return typeof value === 'string' && memberships.has(value) ? (value as Membership) : 'leave'
}

/** The member that a member event makes of its target. */
export const memberFrom = (event: RoomEvent, nid: number, sender: number, position: number): Member => ({
  membership: membershipIn(event),
  event: nid,
  sender,
  position,
  displayName: text(event, 'displayname'),
  avatarUrl: text(event, 'avatar_url'),
})

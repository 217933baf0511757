import { own } from '../json.ts'
import { powerLevelOf } from '../power-levels.ts'
import { allowed, type AuthResult, denied } from './result.ts'
import { joinRuleOf, levelsOf, levelText, membershipIn, membershipOf, type RoomView } from './room-view.ts'
import { authorizeThirdPartyInvite } from './third-party-invite.ts'

const hasOwn = (content: object, key: string) => Object.hasOwn(content, key)

/** Whether the join rule lets in people who meet conditions that another server vouches for. */
const isRestricted = (rule: string, { version }: RoomView) =>
  (rule === 'restricted' && version.restrictedJoins) || (rule === 'knock_restricted' && version.knockRestricted)

/** Whether the join rule lets people ask to come in. */
const allowsKnocking = (rule: string, { version }: RoomView) =>
  (rule === 'knock' && version.knock) || (rule === 'knock_restricted' && version.knockRestricted)

/** Whether the user who is said to have let someone in may do so. */
const mayAuthorise = (room: RoomView, authoriser: unknown): boolean => {
  if (typeof authoriser !== 'string' || membershipOf(room, authoriser) !== 'join') return false
  const levels = levelsOf(room)
  return powerLevelOf(levels, authoriser) >= levels.invite
}

const authorizeJoin = (room: RoomView, target: string): AuthResult => {
  const { event, create, version } = room
  if (event.prevEvents.length === 1 && event.prevEvents[0] === create.id) {
    const creator = version.creatorInContent ? own(create.content, 'creator') : create.sender
    if (target === creator) return allowed
  }
  if (event.sender !== target)
    return denied('join.other-user', 'You cannot join a room for somebody else; invite them instead.')
  const membership = membershipOf(room, target)
  if (membership === 'ban') return denied('join.banned', 'You are banned from this room.')

  const rule = joinRuleOf(room)
  if (rule === 'public') return allowed
  const welcome = membership === 'invite' || membership === 'join'
  if (isRestricted(rule, room)) {
    return welcome || mayAuthorise(room, own(event.content, 'join_authorised_via_users_server'))
      ? allowed
      : denied(
          'join.not-authorised',
          'To join this room you need an invite, or a member who may invite must vouch that you meet its conditions.',
        )
  }
  if (rule === 'invite' || (rule === 'knock' && version.knock)) {
    return welcome ? allowed : denied('join.not-invited', 'You need an invite to join this room.')
  }
  return denied('join.closed', `Nobody can join this room: its join rule is ${rule}.`)
}

const authorizeInvite = (room: RoomView, target: string): AuthResult => {
  const { event } = room
  if (hasOwn(event.content, 'third_party_invite')) return authorizeThirdPartyInvite(room, target)
  if (membershipOf(room, event.sender) !== 'join') {
    return denied('invite.not-joined', 'You must be in the room to invite somebody.')
  }
  const membership = membershipOf(room, target)
  if (membership === 'join') return denied('invite.target', `${target} is in the room already.`)
  if (membership === 'ban') return denied('invite.target', `${target} is banned from this room.`)
  const levels = levelsOf(room)
  const own = powerLevelOf(levels, event.sender)
  if (own >= levels.invite) return allowed
  return denied('invite.level', `You need power level ${levels.invite} to invite; yours is ${levelText(own)}.`)
}

const authorizeLeave = (room: RoomView, target: string): AuthResult => {
  const { event, version } = room
  const membership = membershipOf(room, target)
  if (event.sender === target) {
    if (membership === 'join' || membership === 'invite' || (membership === 'knock' && version.knock)) return allowed
    return denied(
      'leave.not-in-room',
      membership === 'ban' ? 'You are banned from this room.' : 'You are not in this room.',
    )
  }
  if (membershipOf(room, event.sender) !== 'join') {
    return denied('leave.not-joined', 'You must be in the room to remove somebody from it.')
  }
  const levels = levelsOf(room)
  const own = powerLevelOf(levels, event.sender)
  if (membership === 'ban' && own < levels.ban) {
    return denied('leave.unban', `You need power level ${levels.ban} to lift a ban; yours is ${levelText(own)}.`)
  }
  if (own < levels.kick) {
    return denied('leave.kick', `You need power level ${levels.kick} to remove somebody; yours is ${levelText(own)}.`)
  }
  const theirs = powerLevelOf(levels, target)
  if (theirs < own) return allowed
  return denied(
    'leave.kick',
    `You cannot remove ${target}, whose power level ${levelText(theirs)} is not below yours, ${levelText(own)}.`,
  )
}

const authorizeBan = (room: RoomView, target: string): AuthResult => {
  const { event } = room
  if (membershipOf(room, event.sender) !== 'join')
    return denied('ban.not-joined', 'You must be in the room to ban somebody.')
  const levels = levelsOf(room)
  const own = powerLevelOf(levels, event.sender)
  if (own < levels.ban)
    return denied('ban.level', `You need power level ${levels.ban} to ban; yours is ${levelText(own)}.`)
  const theirs = powerLevelOf(levels, target)
  if (theirs < own) return allowed
  return denied(
    'ban.level',
    `You cannot ban ${target}, whose power level ${levelText(theirs)} is not below yours, ${levelText(own)}.`,
  )
}

const authorizeKnock = (room: RoomView, target: string): AuthResult => {
  const { event } = room
  const rule = joinRuleOf(room)
  if (!allowsKnocking(rule, room)) return denied('knock.closed', `This room takes no knocks: its join rule is ${rule}.`)
  if (event.sender !== target) return denied('knock.other-user', 'You cannot knock for somebody else.')
  const membership = membershipOf(room, target)
  if (membership === 'ban') return denied('knock.membership', 'You are banned from this room.')
  if (membership === 'join') return denied('knock.membership', 'You are in the room already.')
  if (membership === 'invite') return denied('knock.membership', 'You are invited already: join instead.')
  return allowed
}

/**
 * The rules for `m.room.member`. That the server of `join_authorised_via_users_server` signed the event is checked with the
 * other signatures, before the rules.
 */
export const authorizeMember = (room: RoomView): AuthResult => {
  const target = room.event.stateKey
  const membership = membershipIn(room.event)
  if (target === undefined || membership === undefined) {
    return denied('member.malformed', 'A membership event needs a state_key and a membership.')
  }
  switch (membership) {
    case 'join':
      return authorizeJoin(room, target)
    case 'invite':
      return authorizeInvite(room, target)
    case 'leave':
      return authorizeLeave(room, target)
    case 'ban':
      return authorizeBan(room, target)
    case 'knock':
      if (room.version.knock) return authorizeKnock(room, target)
  }
  return denied('member.unknown', `There is no membership ${JSON.stringify(membership)} in this room version.`)
}

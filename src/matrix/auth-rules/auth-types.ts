import type { RoomEvent } from '../event.ts'
import { own } from '../json.ts'
import type { RoomVersion } from '../room-version.ts'

/** As much of an event as the selection looks at: known before the event is built. */
export type EventOutline = Pick<RoomEvent, 'type' | 'sender' | 'stateKey' | 'content'>

/**
 * The places in the room state whose events must be cited as `auth_events`, where there are such events. Each place once.
 * @see https://spec.matrix.org/v1.19/server-server-api/#auth-events-selection
 */
export const authTypesFor = (event: EventOutline, version: RoomVersion): [type: string, stateKey: string][] => {
  if (event.type === 'm.room.create') return []
  const types: [string, string][] = [
    ['m.room.power_levels', ''],
    ['m.room.member', event.sender],
  ]
  if (!version.noCreateInAuthEvents) types.unshift(['m.room.create', ''])
  if (event.type !== 'm.room.member') return types

  const { stateKey } = event
  if (stateKey !== undefined && stateKey !== event.sender) types.push(['m.room.member', stateKey])
  const membership = own(event.content, 'membership')
  if (membership === 'join' || membership === 'invite' || membership === 'knock') types.push(['m.room.join_rules', ''])
  if (membership === 'invite') {
    const token = own(own(own(event.content, 'third_party_invite'), 'signed'), 'token')
    if (typeof token === 'string') types.push(['m.room.third_party_invite', token])
  }
  if (membership === 'join' && version.restrictedJoins) {
    const authoriser = own(event.content, 'join_authorised_via_users_server')
    if (typeof authoriser === 'string' && authoriser !== event.sender && authoriser !== stateKey) {
      types.push(['m.room.member', authoriser])
    }
  }
  return types
}

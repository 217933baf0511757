import type { Static } from 'typebox'
import { Type } from 'typebox'
import { isRoomAlias, parseMxc } from '../matrix/ids.ts'
import type { RoomsTable } from '../storage/index.ts'

export const RoomEntry = Type.Object({
  room_id: Type.String(),
  num_joined_members: Type.Integer(),
  world_readable: Type.Boolean(),
  guest_can_join: Type.Boolean(),
  join_rule: Type.String(),
  name: Type.Optional(Type.String()),
  topic: Type.Optional(Type.String()),
  canonical_alias: Type.Optional(Type.String()),
  avatar_url: Type.Optional(Type.String()),
  room_type: Type.Optional(Type.String()),
})

/** A room as lists show it. @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3publicrooms */
export type RoomEntry = Static<typeof RoomEntry>

/** What a list shows of a room. The texts come from state that anyone with the power may set: what is not of its form is left out. */
export function entryOf(row: RoomsTable): RoomEntry {
  return {
    room_id: row.room_id,
    num_joined_members: row.joined_members,
    world_readable: row.history_visibility === 'world_readable',
    guest_can_join: row.guest_access === 'can_join',
    join_rule: row.join_rule,
    ...(row.name !== null && { name: row.name }),
    ...(row.topic !== null && { topic: row.topic }),
    ...(isRoomAlias(row.canonical_alias) && { canonical_alias: row.canonical_alias }),
    ...(row.avatar_url !== null && parseMxc(row.avatar_url) && { avatar_url: row.avatar_url }),
    ...(row.room_type !== null && { room_type: row.room_type }),
  }
}

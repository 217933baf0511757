import { Type } from 'typebox'
import type { JsonObject } from '../../matrix/json.ts'

/** A JSON object with whatever keys. The body's parser has seen to it that it is JSON; hence the type. */
export const openObject = Type.Unsafe<JsonObject>(Type.Object({}))

export const RoomParams = Type.Object({ roomId: Type.String() })

export const EventParams = Type.Object({ roomId: Type.String(), eventId: Type.String() })

export const Reason = Type.Object({ reason: Type.Optional(Type.String()) })

export const UserAndReason = Type.Object({ user_id: Type.String(), reason: Type.Optional(Type.String()) })

export const Empty = Type.Object({})

export const RoomIdReply = Type.Object({ room_id: Type.String() })

export const EventIdReply = Type.Object({ event_id: Type.String() })

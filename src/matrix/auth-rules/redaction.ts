import type { RoomEvent } from '../event.ts'
import { serverOf } from '../ids.ts'
import { type PowerLevels, powerLevelOf } from '../power-levels.ts'
import type { RoomVersion } from '../room-version.ts'

/**
 * Whether an accepted `m.room.redaction` takes effect on the event it names, once this server has both. From v3 on the
 * rules let everyone send redactions, and this is where power counts; in v1 and v2 the rules have judged that already.
 *
 * @param levels the room's power levels before the redaction.
 * @see https://spec.matrix.org/v1.19/rooms/v12/#handling-redactions
 */
export const redactionApplies = (
  redaction: RoomEvent,
  target: RoomEvent,
  levels: PowerLevels,
  version: RoomVersion,
): boolean => {
  if (redaction.redacts !== target.id || redaction.roomId !== target.roomId) return false
  return (
    version.redactionsInAuthRules ||
    powerLevelOf(levels, redaction.sender) >= levels.redact ||
    serverOf(redaction.sender) === serverOf(target.sender)
  )
}

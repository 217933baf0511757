import { MatrixError } from '../matrix/errors.ts'
import { withPushRules, type NotificationCounts, type PushRules } from '../push/index.ts'
import type { PlainEvent, SyncDeps } from '../sync/index.ts'
import type { AccountDataItem } from '../users/index.ts'
import type { Foundations } from './foundations.ts'
import type { People } from './people.ts'
import type { RoomStorey } from './rooms.ts'

/** Everybody's streams, as sync reads them. */
export const syncDepsOf = (
  { database, log, now, logger, metrics }: Foundations,
  { users, devices }: People,
  { rooms, history, ephemeral }: RoomStorey,
  { rules, counts }: { rules: PushRules; counts: NotificationCounts },
): SyncDeps => ({
  memory: database.memory,
  onWoken: metrics?.onWoken,
  rooms,
  users,
  log,
  now,
  onRoomError: (error, where) => logger.error({ err: error, ...where }, 'a room was left out of the answer to a sync'),
  visible: (session, _room, events) => history.visible(session, events),
  related: (filter, events) => history.related(filter, events),
  serialise: (events, reader) => history.serialise(events, reader),
  filter: async (user, id) => {
    const stored = await users.filters.get(user, id)
    if (!stored) throw new MatrixError('M_INVALID_PARAM', `There is no filter ${id}: make it anew`)
    return stored.filter
  },
  accountData: {
    since: async (user, since, until) =>
      byRoom(await withPushRules(rules, await users.accountData.since(user, since, until), user, since, until)),
    ignored: async (user) => users.accountData.ignored(user),
  },
  receipts: ephemeral.receipts,
  typing: (room) => ephemeral.typing.in(room),
  presence: ephemeral.presence,
  toDevice: devices.toDevice,
  deviceLists: {
    changed: (since, until, viewer) => devices.listChanges(since, until, viewer),
    keys: (device) => devices.keys.of(device),
  },
  unread: counts,
})

function byRoom(items: readonly AccountDataItem[]): { global: PlainEvent[]; rooms: Map<number, PlainEvent[]> } {
  const global: PlainEvent[] = []
  const rooms = new Map<number, PlainEvent[]>()
  for (const { room, type, content } of items) {
    if (room === undefined) global.push({ type, content })
    else rooms.set(room, [...(rooms.get(room) ?? []), { type, content }])
  }
  return { global, rooms }
}
